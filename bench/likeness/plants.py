"""Copies that are planted: every kind in several strengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np

from mlcore.images import decode, render
from mlcore.records import Pixels

Plant = Callable[[Pixels, np.random.Generator], Pixels]


def _encoded(rgb: Pixels, quality: int) -> Pixels:
    return decode(render(rgb, quality=quality).data)


def _resized(rgb: Pixels, scale: float) -> Pixels:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=how), dtype=np.uint8)


def _cropped(rgb: Pixels, area: float, draw: np.random.Generator) -> Pixels:
    """That share of the picture, anywhere in it, up to 15 % wider or narrower than the picture."""
    height, width = rgb.shape[:2]
    stretch = float(np.exp(draw.uniform(-0.15, 0.15)))
    rows, columns = min(height, int(height * area**0.5 * stretch)), min(width, int(width * area**0.5 / stretch))
    top, left = draw.integers(0, height - rows + 1), draw.integers(0, width - columns + 1)
    return np.ascontiguousarray(rgb[top : top + rows, left : left + columns])


def _mirrored(rgb: Pixels) -> Pixels:
    return np.ascontiguousarray(rgb[:, ::-1])


def _toned(rgb: Pixels, contrast: float, brightness: float, gamma: float) -> Pixels:
    bent = (rgb / 255.0) ** gamma * 255
    return np.clip((bent - 128) * contrast + 128 + brightness, 0, 255).astype(np.uint8)


def _each(make: Callable[..., Pixels], strengths: Sequence[Any]) -> tuple[Plant, ...]:
    def plant(strength: Any) -> Plant:
        return lambda rgb, draw: make(rgb, strength, draw)

    return tuple(plant(strength) for strength in strengths)


# Everything but the re-encoding itself is re-encoded at quality 85, as a phone would.
KINDS: Final[Mapping[str, tuple[Plant, ...]]] = {
    "re-encoded (quality 90, 60, 30)": _each(lambda rgb, quality, draw: _encoded(rgb, quality), (90, 60, 30)),
    "resized (to 1.5, 0.75, 0.5, 0.3)": _each(
        lambda rgb, scale, draw: _encoded(_resized(rgb, scale), 85), (1.5, 0.75, 0.5, 0.3)
    ),
    "cropped (to 90, 75, 60 % of the area)": _each(
        lambda rgb, area, draw: _encoded(_cropped(rgb, area, draw), 85), (0.9, 0.75, 0.6)
    ),
    "mirrored (whole, and cropped to 80 %)": _each(
        lambda rgb, area, draw: _encoded(_cropped(_mirrored(rgb), area, draw) if area < 1 else _mirrored(rgb), 85),
        (1.0, 0.8),
    ),
    "brightness and contrast (+40, −50, × 0.6, × 1.4, gamma 0.6, 1.7)": _each(
        lambda rgb, how, draw: _encoded(_toned(rgb, *how), 85),
        ((1, 40, 1), (1, -50, 1), (0.6, 0, 1), (1.4, 0, 1), (1, 0, 0.6), (1, 0, 1.7)),
    ),
    "mirrored, cropped to 70 or 85 %, brighter, quality 60": _each(
        lambda rgb, area, draw: _encoded(_toned(_cropped(_mirrored(rgb), area, draw), 1.1, 20, 1), 60), (0.7, 0.85)
    ),
}


def planted(rgb: Pixels, number: int) -> list[Pixels]:
    """A copy of each kind; the strengths take turns by the picture's number."""
    draw = np.random.default_rng(number)
    return [plants[number % len(plants)](rgb, draw) for plants in KINDS.values()]
