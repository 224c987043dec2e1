"""The real photographs, where this machine has them: graded 0 to 3 by three dermatologists. Nothing of them is kept
but features in the bench's cache; names and the data set's own level are read by nothing that learns."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlcore.commands.experts import Picture
from mlcore.commands.folder import sha256_of

DATA = "GOLDFOLD_DATA"
LEVELS = (0.0, 1.0, 2.0, 3.0)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Photograph:
    """group: what must stay on one side of a split. grades: of every rater, in the order of `Photographs.raters`."""

    picture: Picture
    group: str
    grades: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Photographs:
    raters: tuple[str, ...]
    images: tuple[Photograph, ...]
    weights: Path

    @property
    def grades(self) -> Floats:
        """(images, raters)"""
        return np.array([image.grades for image in self.images])

    @property
    def truth(self) -> Floats:
        """The mean of all raters, (images,)."""
        return np.asarray(self.grades.mean(axis=1))

    @property
    def groups(self) -> list[str]:
        return [image.group for image in self.images]


def data_folder() -> Path | None:
    """The folder that GOLDFOLD_DATA names, else `shared/data` beside the clone; None where it is not there."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get(DATA, beside))
    return folder if (folder / "acne04_a").is_dir() else None


def photographs(data: Path) -> Photographs:
    """Those that every rater graded, without second copies: equal files, and those the data set calls duplicates."""
    folder = data / "acne04_a"
    table = _ratings(folder / "ratings.csv")
    raters = tuple(sorted({rater for row in table.values() for rater in row}))
    complete = (row for row in _rows(folder / "images.csv") if len(table.get(row["image"], {})) == len(raters))
    once: dict[str, Photograph] = {}
    for row in sorted(complete, key=lambda row: row["image"]):
        grades = [table[row["image"]][name] for name in raters]
        path = folder / "images" / row["image"]
        image = Photograph(Picture(sha256_of(path), path), row["group"], tuple(grades))
        once.setdefault(row["duplicate_group"] or image.picture.sha256, image)
    return Photographs(raters, tuple(once.values()), data / "weights")


def _ratings(path: Path) -> Mapping[str, dict[str, float]]:
    """Grades by image and rater; one that is missing has no entry."""
    table: dict[str, dict[str, float]] = {}
    for row in _rows(path):
        if row["grade"]:
            table.setdefault(row["image"], {})[row["rater"]] = float(row["grade"])
    return table


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
