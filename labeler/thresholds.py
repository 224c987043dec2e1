"""What a picture must fulfil to be shown to raters, in figures that were measured at its import. Pure: no tables.

The rules are those of the published system's prescreening; each can be switched off, and each has its figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final, Self

from mlcore.quality import Quality


class Rule(StrEnum):
    """What rejected a picture; kept in `Image.rejected_code`. LEAD is no rule but a lead's word."""

    SMALL = "small"
    DARK = "dark"
    BRIGHT = "bright"
    BLUR = "blur"
    NO_FACE = "no_face"
    MANY_FACES = "many_faces"
    SMALL_FACE = "small_face"
    LEAD = "lead"


TITLES: Final[Mapping[str, str]] = {
    Rule.SMALL: "Too few pixels",
    Rule.DARK: "Under-exposed",
    Rule.BRIGHT: "Over-exposed",
    Rule.BLUR: "Blurred",
    Rule.NO_FACE: "No face found",
    Rule.MANY_FACES: "Several faces found",
    Rule.SMALL_FACE: "Face too small",
    Rule.LEAD: "Rejected by the study lead",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Which rule a picture fails, in words with both figures, and what to do about it."""

    code: Rule
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Limit:
    """What a threshold means on a page: `least` says whether less fails or more; low … high are what may be asked."""

    rule: Rule
    label: str
    low: float
    high: float
    help: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A study's thresholds; None switches a rule off.

    least_side: pixels of the shorter side. most_dark: share of pixels with luma under 16. most_bright: share of pixels
    with luma over 240. least_sharpness: variance of the Laplacian on a copy of 640 pixels. least_face: the largest
    face's height as a share of the picture's. The two that ask for faces are off: no detector of frontal faces finds
    side views, which are many of the severe ones.
    """

    least_side: int | None = 256
    most_dark: float | None = 0.6
    most_bright: float | None = 0.5
    least_sharpness: float | None = 8.0
    needs_face: bool = False
    one_face: bool = False
    least_face: float | None = None

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """From `Study.prescreen`; what is missing has its default, what no threshold is called is passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})

    def to_store(self) -> dict[str, Any]:
        """What differs from the defaults, for `Study.prescreen`."""
        usual = asdict(Thresholds())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def judge(
    thresholds: Thresholds, quality: Quality | None, faces: int | None = None, face_share: float | None = None
) -> Failure | None:
    """The first rule that a picture fails, None when it passes. What was not measured (None) fails nothing.

    faces: how many the examination found. face_share: the largest one's height as a share of the picture's, 0 … 1.
    """
    found = _judge_quality(thresholds, quality) if quality is not None else None
    return found or _judge_faces(thresholds, faces, face_share)


def _judge_quality(asked: Thresholds, quality: Quality) -> Failure | None:
    return None


def _judge_faces(asked: Thresholds, faces: int | None, face_share: float | None) -> Failure | None:
    return None
