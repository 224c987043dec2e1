"""Geometry: where forehead, cheeks and chin lie, from 68 landmarks or from a single eye.

Landmarks count from 0 to 67 in dlib's order. The face's box is the box of all 68 points, x0 … x1 and y0 … y1, clipped
to the picture. Left and right are the subject's, so the left cheek has the larger x.

The published geometry has a slip, which is kept under its name and mended in ours: the right cheek ends under the
eye's outer lower lid (landmark 41), not under its inner corner (39) as the left one does.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlcore.records import Box, Cut, DroppedPatch, Eye, Patch, Region, Side

PUBLISHED: Final = "published-1"
GOLDFOLD: Final = "goldfold-2"
GEOMETRIES: Final = (PUBLISHED, GOLDFOLD)
# The geometry of extractors that name none.
VERSION: Final = PUBLISHED
MIN_PATCH_SIDE: Final = 16
TURNED_AWAY: Final = 1.15

_BROWS: Final = slice(17, 27)
_RIGHT_EYE: Final = slice(36, 42)
_LEFT_EYE: Final = slice(42, 48)
_MOUTH: Final = slice(48, 61)
_RIGHT_CHEEK_ENDS: Final = {PUBLISHED: 41, GOLDFOLD: 39}

Points: TypeAlias = NDArray[np.float64]


def from_landmarks(points: Points, width: int, height: int, geometry: str = PUBLISHED) -> Cut:
    """The patches of an aligned face in a picture of that size in pixels.

    points: (68, 2). Order: forehead, left cheek, right cheek, chin. A cheek whose eye is less than 1/1.15 as wide as
    the other is turned away and left out; so is a patch with a side under 16 pixels. Raises ValueError for another
    shape of points.
    """
    if points.shape != (68, 2):
        raise ValueError(f"68 landmarks expected, not an array of shape {points.shape}")
    face = _bounding(points).clipped(width, height)
    candidates = [
        Patch(Region.FOREHEAD, _forehead(points, face)),
        Patch(Region.LEFT_CHEEK, _left_cheek(points, face)),
        Patch(Region.RIGHT_CHEEK, _right_cheek(points, face, _RIGHT_CHEEK_ENDS[geometry])),
        Patch(Region.CHIN, _chin(points, face)),
    ]
    return keep(candidates, width, height, _turned_away(points))


def from_eye(eye: Eye, width: int, height: int) -> Cut:
    """Forehead and cheek of a face seen from the side, measured in widths and heights of its visible eye.

    Forehead: 1.5 eye widths wide, from 1.5 to 0.5 eye heights above the eye; left out where less than 0.7 eye heights
    of it are in the picture. Cheek: from the eye's middle 2.8 eye widths outwards, and from the eye's lower edge down
    to 4.5 eye heights below its upper edge.
    """
    box, left = eye.box, eye.side is Side.LEFT
    middle = box.x0 + box.width // 2
    brow, hairline = int(box.y0 - 0.5 * box.height), int(box.y0 - 1.5 * box.height)
    across, reach = int(1.5 * box.width), int(2.8 * box.width)
    bottom = int(box.y0 + 4.5 * box.height)
    if left:
        forehead = Box(box.x0, hairline, box.x0 + across, brow)
        cheek = Box(middle, box.y1, middle + reach, bottom)
    else:
        forehead = Box(box.x1 - across, hairline, box.x1, brow)
        cheek = Box(middle - reach, box.y1, middle, bottom)
    candidates = [
        Patch(Region.FOREHEAD, forehead),
        Patch(Region.LEFT_CHEEK if left else Region.RIGHT_CHEEK, cheek),
    ]
    hidden = {}
    if brow - max(0, hairline) < 0.7 * box.height:
        hidden[Region.FOREHEAD] = "the forehead is outside the picture"
    return keep(candidates, width, height, hidden)


def face_view(points: Points, width: int, height: int) -> Box:
    """A square around an aligned face with its forehead and chin, as far as the picture allows.

    From a fourth of the landmarks' height above them, as far as a forehead reaches, to a little below the chin.
    """
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    tall = y1 - y0
    return square((x0 + x1) / 2, (y0 - 0.25 * tall + y1 + 0.05 * tall) / 2, max(1.3 * tall, x1 - x0), width, height)


def square(x: float, y: float, side: float, width: int, height: int) -> Box:
    """The square about that point, moved into the picture, and cut where it is larger than that."""
    across, down = min(round(side), width), min(round(side), height)
    left, top = round(x - across / 2), round(y - down / 2)
    left, top = min(max(left, 0), width - across), min(max(top, 0), height - down)
    return Box(left, top, left + across, top + down)


def eye_distance(points: Points) -> float:
    """Pixels between the eyes as they would be seen from the front.

    A turned face shows them closer together; they are then taken as 0.425 of the landmarks' height, as on frontal
    drawn faces.
    """
    seen = points[_LEFT_EYE].mean(axis=0) - points[_RIGHT_EYE].mean(axis=0)
    return float(max(np.hypot(*seen), 0.425 * np.ptp(points[:, 1])))


def keep(
    candidates: Sequence[Patch], width: int, height: int, hidden: Mapping[Region, str] = MappingProxyType({})
) -> Cut:
    """The candidates clipped to the picture; dropped are those that are hidden (with why), and those left too small."""
    patches: list[Patch] = []
    dropped: list[DroppedPatch] = []
    for candidate in candidates:
        box = candidate.box.clipped(width, height)
        if candidate.region in hidden:
            dropped.append(DroppedPatch(candidate.region, hidden[candidate.region]))
        elif min(box.width, box.height) < MIN_PATCH_SIDE:
            dropped.append(
                DroppedPatch(candidate.region, f"less than {MIN_PATCH_SIDE} pixels of it are in the picture")
            )
        else:
            patches.append(Patch(candidate.region, box))
    return Cut(tuple(patches), tuple(dropped))


def _bounding(points: Points) -> Box:
    low, high = points.min(axis=0), points.max(axis=0)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _forehead(points: Points, face: Box) -> Box:
    brows = _bounding(points[_BROWS])
    return Box(brows.x0, brows.y0 - int(0.3 * face.height), brows.x1, brows.y0)


def _chin(points: Points, face: Box) -> Box:
    right, left = _bounding(points[_RIGHT_EYE]), _bounding(points[_LEFT_EYE])
    return Box(right.x1, _bounding(points[_MOUTH]).y1, left.x0, face.y1)


def _left_cheek(points: Points, face: Box) -> Box:
    eye = _bounding(points[_LEFT_EYE])
    top, bottom = _cheek_rows(eye, face)
    return Box(eye.x0, top, int(face.x1 - 0.05 * (face.x1 - eye.x0)), bottom)


def _right_cheek(points: Points, face: Box, end: int) -> Box:
    eye = _bounding(points[_RIGHT_EYE])
    top, bottom = _cheek_rows(eye, face)
    inner = int(points[end, 0])
    return Box(int(face.x0 + 0.1 * (inner - face.x0)), top, inner, bottom)


def _cheek_rows(eye: Box, face: Box) -> tuple[int, int]:
    return int(eye.y1 + 0.2 * eye.height), int(face.y1 - 0.1 * (face.y1 - eye.y1))


def _turned_away(points: Points) -> dict[Region, str]:
    left, right = np.ptp(points[_LEFT_EYE, 0]), np.ptp(points[_RIGHT_EYE, 0])
    if left * TURNED_AWAY <= right:
        return {Region.LEFT_CHEEK: "the left cheek is turned away"}
    if right * TURNED_AWAY <= left:
        return {Region.RIGHT_CHEEK: "the right cheek is turned away"}
    return {}
