"""Looking at a head: which point of its surface each pixel shows, and where a point of it lands."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_head import THETAS, Y_STEP, Y_TOP, YS, HeadShape, neck_radius, radius

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Camera:
    """Parallel projection: `scale` in px per mm, the axis' eye line at (`x`, `y`) px, head turned by `yaw` degrees."""

    width: int
    height: int
    scale: float
    x: float
    y: float
    yaw: float


def stretched(shape: HeadShape, y: Floats) -> Floats:
    """y of the average head (mm) → y of this person's."""
    knots = np.array([-113.0, 0.0, 47.0, 116.0])
    spans = np.diff(knots) * (shape.upper, shape.nose_length, shape.lower)
    own = np.concatenate([[0.0], np.cumsum(spans)]) - spans[0]
    inside = np.interp(y, knots, own)
    return np.asarray(inside + np.where(y > knots[-1], y - knots[-1], 0) + np.where(y < knots[0], y - knots[0], 0))


def _unstretched(shape: HeadShape, y: Floats) -> Floats:
    return np.asarray(np.interp(y, stretched(shape, YS), YS))


class View:
    """One head in front of one camera."""

    def __init__(self, shape: HeadShape, camera: Camera) -> None:
        self.shape, self.camera = shape, camera
        self.radius = radius(shape)
        self.neck: NDArray[np.bool_] = (self.radius <= neck_radius(shape)[None, :] + 1e-6) & (YS > 40)[:, None]
        turn, angle = np.radians(camera.yaw), np.radians(THETAS)
        x, z = shape.width * np.sin(angle), np.cos(angle)
        self._across, self._towards = x * np.cos(turn) + z * np.sin(turn), z * np.cos(turn) - x * np.sin(turn)
        ahead = np.degrees(np.arctan2(-np.sin(turn) / shape.width, np.cos(turn)))
        self._middle = int(np.rint(ahead)) + 180
        self._own_y = stretched(shape, YS)

    def position(self, theta: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Where the surface at theta (degrees) and average y (mm) lands, px; hidden points too."""
        column = np.clip(theta + 180, 0, 359.999)
        row = np.clip((y - Y_TOP) / Y_STEP, 0, len(YS) - 1.001)
        c, r = column.astype(int), row.astype(int)
        fc, fr = column - c, row - r
        upper = self.radius[r, c] * (1 - fc) + self.radius[r, c + 1] * fc
        lower = self.radius[r + 1, c] * (1 - fc) + self.radius[r + 1, c + 1] * fc
        across = self._across[c] * (1 - fc) + self._across[c + 1] * fc
        reach = upper * (1 - fr) + lower * fr
        own = np.interp(y, YS, self._own_y)
        return self.camera.x + reach * across * self.camera.scale, self.camera.y + own * self.camera.scale

    def surface(self) -> tuple[Singles, Singles, Singles]:
        """For each pixel the visible theta (degrees, -180…180), y (mm, average head) and cover (0…1)."""
        camera = self.camera
        own = (np.arange(camera.height) - camera.y) / camera.scale
        y = _unstretched(self.shape, own)
        outlines = self._outlines(y)
        lowest, highest = outlines[:, 0], outlines[:, -1]
        left = max(int(lowest.min()) - 1, 0)
        right = min(int(highest.max()) + 2, camera.width)
        columns = np.arange(left, right)
        index = _positions(outlines, columns)
        theta = np.zeros((camera.height, camera.width), np.float32)
        theta[:, left:right] = (index + self._middle) % 360 - 180
        pixel = np.arange(camera.width, dtype=np.float32)[None, :]
        near = np.clip(pixel - lowest[:, None].astype(np.float32) + 0.5, 0, 1)
        far = np.clip(highest[:, None].astype(np.float32) - pixel + 0.5, 0, 1)
        cover = np.where((highest - lowest > 2)[:, None], near * far, 0).astype(np.float32)
        heights = np.broadcast_to(y.astype(np.float32)[:, None], theta.shape)
        return theta, heights, cover

    def outline(self, y: Floats) -> tuple[Floats, Floats]:
        """Left and right end of the visible section at average y (mm), px."""
        outlines = self._outlines(y)
        return outlines[:, 0], outlines[:, -1]

    def _outlines(self, y: Floats) -> Floats:
        """x in px of the section at each y, made monotone: column 180 looks at the viewer; (rows, 361)."""
        row = np.clip((y - Y_TOP) / Y_STEP, 0, len(YS) - 1.001)
        r = row.astype(int)
        f = (row - r)[:, None]
        columns = (np.arange(-180, 181) + self._middle) % 360
        reach = (self.radius[r] * (1 - f) + self.radius[r + 1] * f)[:, columns]
        x = self.camera.x + reach * (self._across[columns] * self.camera.scale)[None, :]
        x[:, 180:] = np.maximum.accumulate(x[:, 180:], axis=1)
        x[:, :181] = np.minimum.accumulate(x[:, 180::-1], axis=1)[:, ::-1]
        return x

    def jaw(self, heights: Floats) -> Floats:
        """The 17 points of the jaw from the picture's left to its right, (17, 2) px.

        `heights` are the nine y (mm) from the ear down to the chin. A point of the far side that the face hides moves to the face's outline.
        """
        rows = np.rint((heights - Y_TOP) / Y_STEP).astype(int)
        right, left = [], []
        for row, y in zip(rows, heights, strict=True):
            reach = self._jaw_reach(row)
            angle = np.linspace(0, reach, 40)
            level = np.full(40, y)
            right.append((self.position(angle, level)[0].max(), y))
            left.append((self.position(-angle, level)[0].min(), y))
        tip = self.position(np.array([0.0]), heights[-1:])[0][0]
        points = np.array([*left[:-1], (tip, heights[-1]), *right[-2::-1]])
        points[:, 1] = self.camera.y + np.interp(points[:, 1], YS, self._own_y) * self.camera.scale
        return points

    def _jaw_reach(self, row: int) -> float:
        """How far round (degrees) the jaw goes at a row of the grid before the neck or the ear begins."""
        ahead = ~self.neck[row, 180 : 180 + 85]
        return float(np.argmin(ahead)) if not ahead.all() else 84.0

    def slant(self, theta: float, y: float) -> float:
        """How much the surface's width at a place shrinks in the picture: 1 seen squarely, 0 at the outline or behind."""
        step = 1.5
        (left, right), _ = self.position(np.array([theta - step, theta + step]), np.array([y, y]))
        reach = float(self.radius[int((y - Y_TOP) / Y_STEP), int(theta + 180)])
        return float(np.clip((right - left) / (np.radians(2 * step) * reach * self.camera.scale), 0, 1))

    def openness(self) -> Floats:
        """Share of the room's light that reaches each place, (rows, thetas): less on the neck under the jaw."""
        below = np.where(self.neck, YS[:, None], np.inf).min(axis=0)
        depth = np.clip((YS[:, None] - below[None, :]) / 55, 0, 1)
        share = np.where(self.neck, 0.4 + 0.4 * depth, 1.0)
        return np.asarray(cv2.GaussianBlur(share, (0, 0), 1.6), np.float64)

    def facing(self) -> Floats:
        """Unit normals of the surface as the camera sees them (x right, y down, z towards it), (rows, thetas, 3)."""
        x, z = self.radius * self._across, self.radius * self._towards
        own = self._own_y
        along = np.gradient(x, axis=1), np.gradient(z, axis=1)
        down = np.gradient(x, own, axis=0), np.gradient(z, own, axis=0)
        normal = np.stack([-along[1], along[1] * down[0] - along[0] * down[1], along[0]], axis=-1)
        normal[..., 1] = along[0] * -down[1] + along[1] * down[0]
        return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9))


def _positions(outlines: Floats, columns: NDArray[np.int64]) -> Floats:
    """Fractional column of `outlines` at which each row reaches each pixel column; one interpolation for all rows."""
    rows = len(outlines)
    gap = float(outlines.max() - outlines.min() + len(columns) + 1000)
    offset = np.arange(rows)[:, None] * gap
    steps = np.tile(np.arange(outlines.shape[1], dtype=np.float64), rows)
    wanted = np.clip(columns[None, :], outlines[:, :1], outlines[:, -1:]) + offset
    found = np.interp(wanted.ravel(), (outlines + offset).ravel(), steps)
    return np.asarray(found.reshape(rows, len(columns)) - 180)
