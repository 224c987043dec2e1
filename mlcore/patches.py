"""The published geometry: where forehead, cheeks and chin lie, from 68 landmarks or from a single eye.

Landmarks count from 0 to 67 in dlib's order. The face's box is the box of all 68 points, x0 … x1 and y0 … y1, clipped
to the picture. Left and right are the subject's, so the left cheek has the larger x.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlcore.records import Box, Cut, DroppedPatch, Eye, Patch, Region, Side

VERSION: Final = "published-1"
MIN_PATCH_SIDE: Final = 16
TURNED_AWAY: Final = 1.15

_BROWS: Final = slice(17, 27)
_RIGHT_EYE: Final = slice(36, 42)
_LEFT_EYE: Final = slice(42, 48)
_MOUTH: Final = slice(48, 61)

Points: TypeAlias = NDArray[np.float64]


def from_landmarks(points: Points, width: int, height: int) -> Cut:
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
        Patch(Region.RIGHT_CHEEK, _right_cheek(points, face)),
        Patch(Region.CHIN, _chin(points, face)),
    ]
    return _keep(candidates, width, height, _turned_away(points))


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
    return _keep(candidates, width, height, hidden)


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


def _right_cheek(points: Points, face: Box) -> Box:
    """Ends at landmark 41, the eye's outer lower lid, as published; the eye's inner corner is landmark 39."""
    eye = _bounding(points[_RIGHT_EYE])
    top, bottom = _cheek_rows(eye, face)
    inner = int(points[41, 0])
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


def _keep(candidates: list[Patch], width: int, height: int, hidden: dict[Region, str]) -> Cut:
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
