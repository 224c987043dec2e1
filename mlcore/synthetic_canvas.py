"""The unrolled surface of a head as a picture that can be painted on in millimetres of the average face."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_head import direction_of

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Colour = tuple[float, float, float]

CANVAS_TOP, CANVAS_END = -142.0, 178.0
CANVAS_SPAN = 192.0
Window = tuple[slice, slice]
_SHIFT = 4
_MM_PER_DEGREE = 88 * np.pi / 180


def in_colour(weight: Singles) -> Singles:
    """A (rows, columns) weight for each of three channels; faster than to broadcast over so short an axis."""
    return np.asarray(cv2.merge((weight, weight, weight)), np.float32)


class Canvas:
    """`colour` is (rows, columns, 3) float32 sRGB 0–255, `label` (rows, columns) uint8.

    Rows run down in y, columns in theta. It holds the half of the head that is seen from one side:
    `CANVAS_SPAN` degrees from `start`.
    """

    def __init__(self, density: float, facing: float, colour: Colour, label: int) -> None:
        """`density` is in texels per mm, `facing` the theta (degrees) that looks at the viewer."""
        self.per_mm, self.per_degree = density, density * _MM_PER_DEGREE
        self.start = 2.0 * round((facing - CANVAS_SPAN / 2) / 2)
        rows, columns = int((CANVAS_END - CANVAS_TOP) * self.per_mm), int(CANVAS_SPAN * self.per_degree)
        self.colour: Singles = np.empty((rows, columns, 3), np.float32)
        self.colour[:] = colour
        self.label: Bytes = np.full((rows, columns), label, np.uint8)

    @property
    def theta(self) -> Singles:
        return (np.arange(self.colour.shape[1]) / self.per_degree + self.start).astype(np.float32)

    @property
    def y(self) -> Singles:
        return (np.arange(self.colour.shape[0]) / self.per_mm + CANVAS_TOP).astype(np.float32)

    def _texels(self, theta: Floats, y: Floats) -> Floats:
        return np.stack([(theta - self.start) * self.per_degree, (y - CANVAS_TOP) * self.per_mm], axis=1)

    def on_face(self, points: Floats) -> Floats:
        """Texels of frontal points (n, 2) in mm."""
        return self._texels(direction_of(points), points[:, 1])

    def on_side(self, points: Floats) -> Floats:
        """Texels of points given as (theta in degrees, y in mm)."""
        return self._texels(points[:, 0], points[:, 1])

    def _window(self, shapes: Sequence[Floats], margin: float) -> Window:
        joined = np.concatenate(shapes)
        rows, columns = self.label.shape
        (left, top), (right, end) = (joined.min(axis=0) - margin).tolist(), (joined.max(axis=0) + margin + 2).tolist()
        first, start = min(max(int(top), 0), rows), min(max(int(left), 0), columns)
        return slice(first, min(max(int(end), first), rows)), slice(start, min(max(int(right), start), columns))

    def mask(self, shapes: Sequence[Floats], blur: float, line: float | None) -> tuple[Window, Singles]:
        """The part of the canvas that the shapes reach, and their cover of it (0…1); `line` strokes them, that wide."""
        sigma = blur * self.per_mm
        window = self._window(shapes, 3 * sigma + (line or 0) * self.per_mm + 2)
        mask = np.zeros(self.label[window].shape, np.uint8)
        if mask.size == 0:
            return window, mask.astype(np.float32)
        start = np.array([window[1].start, window[0].start])
        whole = [np.rint((shape - start) * 2**_SHIFT).astype(np.int32) for shape in shapes]
        if line is None:
            cv2.fillPoly(mask, whole, (255,), cv2.LINE_AA, _SHIFT)
        else:
            cv2.polylines(mask, whole, False, (255,), max(1, round(line * self.per_mm)), cv2.LINE_AA, _SHIFT)
        soft: Singles = mask.astype(np.float32) / np.float32(255)
        if sigma > 0.3:
            soft = np.asarray(cv2.GaussianBlur(soft, (0, 0), sigma), np.float32)
        return window, soft

    def fill(self, shapes: Sequence[Floats], colour: Colour, strength: float = 1.0, blur: float = 0.0) -> None:
        """Blend `colour` into the polygons (texels), edges blurred by `blur` mm."""
        self._blend(*self.mask(shapes, blur, None), colour, strength)

    def stroke(
        self, lines: Sequence[Floats], width: float, colour: Colour, strength: float = 1.0, blur: float = 0.0
    ) -> None:
        """Blend `colour` along open lines (texels) `width` mm wide."""
        self._blend(*self.mask(lines, blur, width), colour, strength)

    def tint(self, shapes: Sequence[Floats], factors: Colour, strength: float = 1.0, blur: float = 0.0) -> None:
        """Multiply the polygons' colour by `factors`."""
        window, mask = self.mask(shapes, blur, None)
        change = 1 + (np.array(factors, np.float32) - 1) * strength * mask[..., None]
        self.colour[window] *= change

    def _blend(self, window: Window, mask: Singles, colour: Colour, strength: float) -> None:
        here = self.colour[window]
        here += (np.array(colour, np.float32) - here) * (mask * np.float32(strength))[..., None]

    def mark(self, shapes: Sequence[Floats], label: int) -> None:
        whole = [np.rint(shape * 2**_SHIFT).astype(np.int32) for shape in shapes]
        cv2.fillPoly(self.label, whole, (label,), cv2.LINE_8, _SHIFT)

    def noise(self, number: int, grain: float, seed: int, stretch: float = 1.0) -> Singles:
        """Field `number` of smooth noise, mean 0, SD 1, over the canvas: `grain` mm wide, `stretch` times as high."""
        rows, columns = self.label.shape
        return noise_field(rows, columns, number, round(grain * self.per_mm, 3), stretch, seed)


def noise_field(rows: int, columns: int, number: int, sigma: float, stretch: float, seed: int) -> Singles:
    """A window, chosen by `seed`, of a fixed noise field; (rows, columns) float32, read-only."""
    field = _noise(rows + 64, columns + 64, number, sigma, stretch)
    dy, dx = seed % 64, (seed // 64) % 64
    return field[dy : dy + rows, dx : dx + columns]


@lru_cache(maxsize=24)
def _noise(rows: int, columns: int, number: int, sigma: float, stretch: float) -> Singles:
    rng = np.random.default_rng([20180, number])
    raw = rng.standard_normal((rows, columns), dtype=np.float32)
    if sigma > 0.3:
        raw = np.asarray(cv2.GaussianBlur(raw, (0, 0), sigma, sigmaY=sigma * stretch), np.float32)
    field = (raw - raw.mean()) / raw.std()
    field.setflags(write=False)
    return np.asarray(field, np.float32)
