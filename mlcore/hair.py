"""What of the pixels with skin's colour is hair: by its shade, and by its streaks.

Brown hair has the colour of skin, in the dark, and that of dark skin in any light. Streaks tell the two apart: across
strands brightness goes up and down all along, in one direction. Lesions and pores have no common direction; along the
outline of a face, and where a cheek turns from the light, brightness goes one way only.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.images import shrink
from mlcore.records import Pixels

Mask: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float32]

# Two shades of skin's colour: so much of the variance of brightness must they explain, and so many times brighter must
# the one be, to be skin and hair.
_TWO_SHADES: Final = 0.7
_TIMES_BRIGHTER: Final = 1.9
_INFLAMED_REDDER: Final = 0.05

# The longer side of the copy on which strands are looked for, and the window, both in its pixels.
STREAKS_SIDE: Final = 320
_WINDOW: Final = 15
# Keeps the logarithm of dark pixels from being all noise.
_FLOOR: Final = 16.0
# A steeper edge counts no more for a direction.
_STEEP: Final = 0.05
_TINY: Final = 1e-4
# In changes of log brightness per pixel: what is surely streaked, and how many times the smoothest quarter's.
_STREAKED: Final = 0.007
_TIMES_SMOOTHER: Final = 2.5
# Of the skin: a smaller streaked piece is a brow; if more is streaked, it is not hair.
_LEAST_HAIR: Final = 0.08
_MOST_HAIR: Final = 0.75


def without_dark_hair(mask: Mask, colours: Floats) -> Mask:
    """Without the darker of two clearly different shades: brown hair has the colour of skin, in the dark.

    It stays where it is redder without being yellower, since it then is inflamed skin.
    """
    brightness = colours[..., 2]
    values = brightness[mask]
    if values.size == 0:
        return mask
    steps = np.linspace(values.min(), values.max(), 65)
    counts, _ = np.histogram(values, steps)
    middles = (steps[1:] + steps[:-1]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    sums = np.cumsum(counts * middles)[:-1]
    gap = (np.sum(counts * middles) - sums) / np.maximum(above, 1) - sums / np.maximum(below, 1)
    # N. Otsu, "A threshold selection method from gray-level histograms", 1979.
    explained = below * above * gap**2 / values.size**2
    best = int(np.argmax(explained))
    two_shades = explained[best] > _TWO_SHADES * values.var() and gap[best] > np.log(_TIMES_BRIGHTER)
    if not two_shades or above[best] < 0.25 * values.size:
        return mask
    light, dark = mask & (brightness > steps[best + 1]), mask & (brightness <= steps[best + 1])
    redder, bluer = np.median(colours[dark][:, :2], axis=0) - np.median(colours[light][:, :2], axis=0)
    return mask if redder > _INFLAMED_REDDER and bluer > -_INFLAMED_REDDER else light


def streaks(rgb: Pixels, shape: tuple[int, ...]) -> Floats:
    """How streaked a picture (height, width, 3) is: (shape), in changes of the logarithm of brightness per pixel.

    In each window the median slope, times how far slopes lie along one line, less so far as they also go one way. The
    first is the coherence of the structure tensor's kind (Bigün and Granlund, "Optimal orientation detection of linear
    symmetry", ICCV 1987).
    """
    grey = cv2.cvtColor(shrink(rgb, STREAKS_SIDE), cv2.COLOR_RGB2GRAY).astype(np.float32)
    light = cv2.GaussianBlur(np.log(grey + np.float32(_FLOOR)), (0, 0), 0.7)
    across, down = (cv2.Sobel(light, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    slope = np.hypot(across, down)
    steps = 2000  # to the unit, as the median takes bytes
    usual = cv2.medianBlur(np.clip(slope * steps, 0, 255).astype(np.uint8), _WINDOW).astype(np.float32) / steps
    weight = np.minimum(slope, np.float32(_STEEP))
    total = _mean(weight) + np.float32(_TINY)
    twice = 2 * np.arctan2(down, across)
    along = np.hypot(_mean(weight * np.cos(twice)), _mean(weight * np.sin(twice))) / total
    share = weight / (slope + np.float32(_TINY))
    one_way = np.hypot(_mean(across * share), _mean(down * share)) / total
    found = usual * along * (1 - one_way)
    return np.asarray(cv2.resize(found, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), dtype=np.float32)


def _mean(values: Floats) -> Floats:
    return np.asarray(cv2.boxFilter(values, -1, (_WINDOW, _WINDOW)), dtype=np.float32)


def without_streaked_hair(mask: Mask, streaked: Floats) -> Mask:
    """Without large streaked pieces at its outline; eyes and mouth lie within. streaked: as of `streaks`."""
    if not mask.any():
        return mask
    limit = max(_STREAKED, _TIMES_SMOOTHER * float(np.quantile(streaked[mask], 0.25)))
    strands = (mask & (streaked > limit)).astype(np.uint8)
    closed = cv2.morphologyEx(strands, cv2.MORPH_CLOSE, _ball(3))
    _, pieces, facts, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(closed, cv2.MORPH_OPEN, _ball(5)), connectivity=4
    )
    large = np.flatnonzero(facts[:, cv2.CC_STAT_AREA] >= _LEAST_HAIR * np.count_nonzero(mask))
    at_outline = np.intersect1d(large[large > 0], pieces[_outline(mask)])
    hair = np.isin(pieces, at_outline) & mask
    return mask if np.count_nonzero(hair) > _MOST_HAIR * np.count_nonzero(mask) else mask & ~hair


def _ball(side: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)


def _outline(mask: Mask) -> Mask:
    """Three pixels wide, without the outlines of its holes."""
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    drawn = np.zeros(mask.shape, dtype=np.uint8)
    cv2.drawContours(drawn, lines, -1, 1, 3)
    return drawn > 0
