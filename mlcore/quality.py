"""Figures about a picture's technical quality. They judge nothing: thresholds belong to the caller."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from mlcore.images import shrink
from mlcore.records import Pixels

WORKING_SIDE: Final = 640
DARK_BELOW: Final = 16
BRIGHT_ABOVE: Final = 240


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality figures of one picture.

    width, height: pixels of the full picture.
    brightness: mean luma (Rec. 601), 0 … 255.
    contrast: standard deviation of luma, 0 … 127.5.
    dark_share: share of pixels with luma under 16, 0 … 1 (under-exposure).
    bright_share: share of pixels with luma over 240, 0 … 1 (over-exposure).
    sharpness: variance of the 3 × 3 Laplacian of luma, grey levels squared; low means blurred.

    All but the size are measured on a copy of at most 640 pixels on its longer side, so that they compare between
    cameras; a smaller picture is measured as it is.
    """

    width: int
    height: int
    brightness: float
    contrast: float
    dark_share: float
    bright_share: float
    sharpness: float


def measure(rgb: Pixels, size: tuple[int, int] | None = None) -> Quality:
    """Measure an RGB picture (height, width, 3) uint8, or a smaller copy of one of `size` (width, height).

    Raises ValueError for an empty one.
    """
    height, width = rgb.shape[:2]
    if height == 0 or width == 0:
        raise ValueError("the picture has no pixels")
    small = shrink(rgb, WORKING_SIDE)
    width, height = size or (width, height)
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    laplacian = cv2.Laplacian(luma, cv2.CV_32F, ksize=1)
    return Quality(
        width=width,
        height=height,
        brightness=float(luma.mean()),
        contrast=float(luma.std()),
        dark_share=float(np.mean(luma < DARK_BELOW)),
        bright_share=float(np.mean(luma > BRIGHT_ABOVE)),
        sharpness=float(laplacian.var(dtype=np.float64)),
    )
