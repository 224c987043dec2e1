"""Looks again for a frontal face in turned and mirrored copies: cameras are held askew, and pictures lie on a side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore import patches
from mlcore.images import shrink
from mlcore.records import Box, Cut, DroppedPatch, Finder, Landmarks, Patch, Pixels, Region

Floats: TypeAlias = NDArray[np.float64]

# The copy in which faces are looked for, and the one on which a found face's landmarks are read.
SEARCH_SIDE: Final = 240
READING_SIDE: Final = 720
# Degrees, counter-clockwise.
ANGLES: Final = (30, -30, 90, -90, 180)
_AROUND: Final = 2.2
_SWAPPED: Final = {Region.LEFT_CHEEK: Region.RIGHT_CHEEK, Region.RIGHT_CHEEK: Region.LEFT_CHEEK}


@dataclass(frozen=True, slots=True, eq=False)
class TurnedFace:
    """A face that stands upright in a canvas which `canvas_to_picture` (2, 3) leads back from."""

    landmarks: Landmarks
    canvas_to_picture: Floats
    width: int
    height: int

    @property
    def scale(self) -> float:
        """Pixels of the picture per pixel of the canvas."""
        return float(np.hypot(*self.canvas_to_picture[:, 0]))

    @property
    def points(self) -> Floats:
        """(68, 2), in pixels of the picture."""
        return _moved(self.canvas_to_picture, self.landmarks.points)

    def in_picture(self, cut: Cut, width: int, height: int) -> Cut:
        """Boxes of the canvas as upright boxes of the same size about the same middle; what is left too small goes."""
        moved = [Patch(self._region(patch.region), self._moved_box(patch.box)) for patch in cut.patches]
        dropped = tuple(DroppedPatch(self._region(gone.region), gone.reason) for gone in cut.dropped)
        seen = patches.keep(moved, width, height)
        return Cut(seen.patches, dropped + seen.dropped)

    def _region(self, region: Region) -> Region:
        """In a mirrored copy the subject's left is its right."""
        mirrored = np.linalg.det(self.canvas_to_picture[:, :2]) < 0
        return _SWAPPED.get(region, region) if mirrored else region

    def _moved_box(self, box: Box) -> Box:
        x, y = _moved(self.canvas_to_picture, np.array([[(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2]]))[0]
        across, down = box.width * self.scale / 2, box.height * self.scale / 2
        if abs(self.canvas_to_picture[0, 0]) < abs(self.canvas_to_picture[0, 1]):
            across, down = down, across
        return Box(round(x - across), round(y - down), round(x + across), round(y + down))


def find_turned(finder: Finder, rgb: Pixels) -> TurnedFace | None:
    """The first face of which the finder is sure in a mirrored or turned copy, or None."""
    small = shrink(rgb, SEARCH_SIDE)
    scale = small.shape[1] / rgb.shape[1]
    for matrix, width, height in _copies(small):
        copy = cv2.warpAffine(small, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        guess = finder.frontal(np.asarray(copy, dtype=np.uint8))
        if guess is not None:
            found = _read(finder, rgb, matrix * np.array([scale, scale, 1.0]), guess.box)
            if found is not None:
                return found
    return None


def _copies(rgb: Pixels) -> Iterator[tuple[Floats, int, int]]:
    """(picture to copy (2, 3), width, height) of each: the mirrored one, then the turned ones."""
    height, width = rgb.shape[:2]
    yield np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]]), width, height
    for angle in ANGLES:
        across, down = (height, width) if angle in (90, -90) else (width, height)
        matrix = np.asarray(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0), np.float64)
        matrix[:, 2] += (across - width) / 2, (down - height) / 2
        yield matrix, across, down


def _read(finder: Finder, rgb: Pixels, matrix: Floats, guess: Box) -> TurnedFace | None:
    """The landmarks of a guess in a copy that `matrix` leads to, read on a canvas cut around it at full size."""
    per_pixel = float(np.hypot(*matrix[:, 0]))
    side = _AROUND * max(guess.width, guess.height)
    canvas = min(READING_SIDE, max(64, round(side / per_pixel)))
    grown = canvas / side
    x0, y0 = (guess.x0 + guess.x1 - side) / 2, (guess.y0 + guess.y1 - side) / 2
    towards = matrix * grown
    towards[:, 2] -= grown * x0, grown * y0
    copy = cv2.warpAffine(rgb, towards, (canvas, canvas), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    found = finder.frontal(np.asarray(copy, dtype=np.uint8))
    if found is None:
        return None
    back = np.asarray(cv2.invertAffineTransform(towards), np.float64)
    return TurnedFace(found, back, canvas, canvas)


def _moved(matrix: Floats, points: Floats) -> Floats:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])
