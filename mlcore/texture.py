"""Classical skin features: colour spread, blobs at several scales, local binary patterns. No weights, no download.

Everything is measured relative to the patch's own median, on logarithmic channels: a skin tone or a lamp multiplies
the light that comes back, so it shifts a logarithm by a constant, which the median removes.
"""

import itertools
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.records import Pixels, Vectors

VERSION: Final = "texture-1"
INPUT_SIZE: Final = 128

_SIGMAS: Final = (0.8, 1.3, 2.0, 3.2, 5.0, 8.0)
_PERCENTILES: Final = (1, 5, 25, 75, 95, 99)
_BLOB_LEVELS: Final = (0.02, 0.05)
_LBP_RADII: Final = (1, 3)
_SHADING_SIGMA: Final = 16.0

Plane: TypeAlias = NDArray[np.float32]


def features(patch: Pixels) -> Vectors:
    """The feature vector of one RGB patch (128, 128, 3) uint8: (DIM,) float32, finite for any input.

    Channels: log luminance; redness log R - log G, which follows haemoglobin; yellowness log G - log B, which follows
    melanin. For each: the spread about the patch's median before and after even shading is removed; and in five bands
    between Gaussians of growing width (a difference of Gaussians answers to blobs of its own size) the energy, both
    tails, and the count of bright and dark blobs. Luminance adds rotation-invariant uniform local binary patterns
    (Ojala, Pietikäinen and Mäenpää, 2002). Raises ValueError for another shape.
    """
    if patch.shape != (INPUT_SIZE, INPUT_SIZE, 3):
        raise ValueError(f"a patch of {INPUT_SIZE} × {INPUT_SIZE} × 3 expected, not {patch.shape}")
    channels = _log_channels(patch)
    parts: list[NDArray[np.floating]] = []
    for channel in channels:
        detail = channel - cv2.GaussianBlur(channel, (0, 0), _SHADING_SIGMA)
        parts += [_spread(channel), _spread(detail), _bands(channel)]
    parts += [_binary_patterns(channels[0], radius) for radius in _LBP_RADII]
    parts.append(_joint(channels))
    return np.nan_to_num(np.concatenate(parts)).astype(np.float32)


def _log_channels(patch: Pixels) -> list[Plane]:
    # The offset keeps noise in deep shadow from exploding in the logarithm.
    log = np.log((patch.astype(np.float32) + 8.0) / 263.0)
    red, green, blue = log[..., 0], log[..., 1], log[..., 2]
    planes = [0.3 * red + 0.59 * green + 0.11 * blue, red - green, green - blue]
    return [np.ascontiguousarray(plane - np.median(plane), dtype=np.float32) for plane in planes]


def _spread(plane: Plane) -> NDArray[np.floating]:
    """Percentiles about the median, standard deviation and skewness: 8 numbers."""
    tails = np.percentile(plane, _PERCENTILES)
    deviation = float(plane.std())
    centred = plane - plane.mean()
    skewness = float(np.mean(centred * centred * centred)) / (deviation**3 + 1e-6)
    return np.append(tails, [deviation, skewness])


def _bands(plane: Plane) -> NDArray[np.floating]:
    """Per band of the difference-of-Gaussians stack: deviation, both tails, and blob shares at two strengths."""
    stack = [cv2.GaussianBlur(plane, (0, 0), sigma) for sigma in _SIGMAS]
    numbers: list[float] = []
    for narrow, wide in itertools.pairwise(stack):
        band = np.asarray(narrow - wide, dtype=np.float32)
        numbers += [float(np.log(band.std() + 1e-4)), *np.percentile(band, (0.5, 5, 95, 99.5)).tolist()]
        numbers += _blobs(band) + _blobs(-band)
    return np.array(numbers)


def _blobs(band: Plane) -> list[float]:
    """Log counts of local maxima over 3 × 3 that stand out by each of the strengths."""
    peak = band >= np.asarray(cv2.dilate(band, np.ones((3, 3), dtype=np.uint8)))
    return [float(np.log1p(np.count_nonzero(peak & (band > level)))) for level in _BLOB_LEVELS]


def _binary_patterns(plane: Plane, radius: int) -> NDArray[np.floating]:
    """Histogram of 8-neighbour rotation-invariant uniform patterns: 10 shares that sum to 1."""
    core = plane[radius:-radius, radius:-radius]
    size = plane.shape[0]
    steps = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    bits = np.stack(
        [
            plane[
                radius + dy * radius : size - radius + dy * radius, radius + dx * radius : size - radius + dx * radius
            ]
            >= core
            for dy, dx in steps
        ]
    ).astype(np.uint8)
    changes = np.abs(np.diff(bits.astype(np.int8), axis=0, append=bits[:1].astype(np.int8))).sum(axis=0)
    code = np.where(changes <= 2, bits.sum(axis=0), 9)
    return np.bincount(code.ravel(), minlength=10)[:10] / code.size


def _joint(channels: list[Plane]) -> NDArray[np.floating]:
    """What the channels do together: correlations of their details, shares of very red and of red and dark skin."""
    details = [plane - cv2.GaussianBlur(plane, (0, 0), _SHADING_SIGMA / 2) for plane in channels]
    light, red, yellow = details
    scale = [float(plane.std()) + 1e-4 for plane in details]
    correlations = [
        float(np.mean(light * red)) / (scale[0] * scale[1]),
        float(np.mean(light * yellow)) / (scale[0] * scale[2]),
        float(np.mean(red * yellow)) / (scale[1] * scale[2]),
    ]
    shares = [float(np.mean(red > level)) for level in (0.03, 0.06, 0.1, 0.15)]
    inflamed = [float(np.mean((red > level) & (light < 0))) for level in (0.03, 0.06, 0.1)]
    return np.array(correlations + shares + inflamed)


DIM: Final = features(np.zeros((INPUT_SIZE, INPUT_SIZE, 3), dtype=np.uint8)).size
