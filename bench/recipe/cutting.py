"""Where the published recipe looks for skin in one picture."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mlcore import patches
from mlcore.records import Box, Finder, Patch, Pixels, Region


class Found(StrEnum):
    LANDMARKS = "landmarks"
    ONE_EYE = "one_eye"
    WHOLE_PICTURE = "whole_picture"


@dataclass(frozen=True, slots=True)
class Pieces:
    """What is fed to the backbone; never empty. A whole picture is a patch of region FACE."""

    found: Found
    patches: tuple[Patch, ...]


def cut(finder: Finder, rgb: Pixels) -> Pieces:
    """The pieces of a picture, with `FaceFinder(published=True)` for the finder.

    Two faces count as none, as their detector raised on both. A picture in which nothing is found is fed in whole.
    """
    height, width = rgb.shape[:2]
    landmarks = finder.frontal(rgb)
    if landmarks is not None and landmarks.count == 1:
        aligned = patches.from_landmarks(landmarks.points, width, height).patches
        if aligned:
            return Pieces(Found.LANDMARKS, aligned)
    eye = finder.one_eye(rgb)
    if eye is not None:
        beside = patches.from_eye(eye, width, height).patches
        if beside:
            return Pieces(Found.ONE_EYE, beside)
    return Pieces(Found.WHOLE_PICTURE, (Patch(Region.FACE, Box(0, 0, width, height)),))
