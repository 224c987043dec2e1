"""Figures about a picture's technical quality, and the usual limits on them, each with its unit and its source.

`measure` judges nothing; `shortcomings` does, by limits that a caller may replace.
"""

from dataclasses import dataclass
from enum import StrEnum
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


class Fault(StrEnum):
    """What may be wrong with a picture, in the order in which it is judged.

    A dark picture is blurred too by its figure, but its light is what to mend.
    """

    SMALL = "small"
    DARK = "dark"
    BRIGHT = "bright"
    BLUR = "blur"
    SMALL_FACE = "small_face"


@dataclass(frozen=True, slots=True)
class Limit:
    """A figure's limit. at_least: the figure must reach it; else it must not pass it. source: where it comes from."""

    fault: Fault
    figure: str
    value: float
    unit: str
    at_least: bool
    source: str


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """A limit that a picture fails, and the figure with which it does."""

    limit: Limit
    found: float

    @property
    def reason(self) -> str:
        bound = "at least" if self.limit.at_least else "at most"
        return f"{self.limit.figure} {self.found:.3g} {self.limit.unit}, asked: {bound} {self.limit.value:g}"


_MEASURED: Final = (
    "Lenient, as nobody sees what is rejected. Measured on 606 clinical photographs (ACNE04): none fails, while {} do."
)

LIMITS: Final = (
    Limit(
        Fault.SMALL,
        "shorter side",
        256,
        "pixels",
        True,
        "A face that fills it then has about one pixel a millimetre, as for the smallest face below.",
    ),
    Limit(
        Fault.DARK,
        "mean luma",
        35,
        "of 255",
        True,
        _MEASURED.format("99.8 % of them at a quarter of their light and 82 % at a third"),
    ),
    Limit(
        Fault.BRIGHT,
        "share of nearly white pixels (luma over 240)",
        0.4,
        "of 1",
        False,
        _MEASURED.format("95 % of them at three times their light and 28 % at twice"),
    ),
    Limit(
        Fault.BLUR,
        "sharpness (variance of the Laplacian at 640 pixels)",
        4,
        "grey levels²",
        True,
        "The figure is that of Pech-Pacheco et al., ICPR 2000. Of 606 clinical photographs (ACNE04) three fail, which"
        " are blurred to the eye; of their copies blurred by 0.5 % of the side all do, by 0.25 % of it 83 %.",
    ),
    Limit(
        Fault.SMALL_FACE,
        "distance between the eyes",
        63,
        "pixels",
        True,
        "One pixel a millimetre of skin, as adults' eyes are 63 mm apart (N. A. Dodgson, Variation and extrema of human"
        " interpupillary distance, 2004): a papule of 2–5 mm is then a few pixels wide. Passports ask for 90 pixels"
        " (ISO/IEC 19794-5).",
    ),
)


def shortcomings(
    quality: Quality, eye_distance: float | None = None, limits: tuple[Limit, ...] = LIMITS
) -> tuple[Shortcoming, ...]:
    """The limits that a picture fails, in their order. A figure exactly at its limit passes.

    eye_distance: in pixels of the full picture, as `mlcore.locating` says; None where it is not known fails nothing.
    """
    figures: dict[Fault, float | None] = {
        Fault.SMALL: min(quality.width, quality.height),
        Fault.DARK: quality.brightness,
        Fault.BRIGHT: quality.bright_share,
        Fault.BLUR: quality.sharpness,
        Fault.SMALL_FACE: eye_distance,
    }
    failed = []
    for limit in limits:
        found = figures[limit.fault]
        if found is not None and (found < limit.value if limit.at_least else found > limit.value):
            failed.append(Shortcoming(limit, found))
    return tuple(failed)
