"""Scales to choose from, and scales written out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.core.exceptions import ValidationError

from labeler.studies import PUBLISHED_SCALE, LevelSpec

FOUR_LEVELS: Final = (
    LevelSpec(0, "Mild", "A few lesions on one half of the face."),
    LevelSpec(1, "Moderate", "Lesions on much of the half face, with clear skin between."),
    LevelSpec(2, "Severe", "Lesions on most of the half face."),
    LevelSpec(3, "Very severe", "Lesions all over the half face, most of them inflamed."),
)
SCALES: Final[dict[str, tuple[LevelSpec, ...]]] = {"published": PUBLISHED_SCALE, "0-3": FOUR_LEVELS}


def parse_levels(lines: Sequence[str]) -> list[LevelSpec]:
    """Levels written as `value; name; description`, one a line, the description optional.

    Raises ValidationError naming the line.
    """
    levels = []
    for number, line in enumerate(lines, start=1):
        value, _, rest = line.partition(";")
        name, _, description = rest.partition(";")
        try:
            amount = float(value.strip().replace(",", "."))
        except ValueError:
            amount = float("nan")
        if not -1e6 < amount < 1e6:  # false for what is no number too
            raise ValidationError({"levels": f"Line {number}: “{value.strip()}” is no number; write: 2; Mild"})
        if not name.strip():
            raise ValidationError({"levels": f"Line {number}: the level has no name; write: 2; Mild"})
        if len(name.strip()) > 60:
            raise ValidationError({"levels": f"Line {number}: the name is longer than 60 characters."})
        levels.append(LevelSpec(amount, name.strip(), description.strip()))
    return levels
