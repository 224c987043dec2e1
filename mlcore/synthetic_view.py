"""Looking at a head: which point of its surface each pixel shows, and where a point of it lands."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_head import THETAS, Y_STEP, Y_TOP, YS, HeadShape, neck_radius, radius

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]


_ROW_STEP = 2


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


def _unstretched(shape: HeadShape, y: NDArray[np.floating]) -> Floats:
    return np.asarray(np.interp(y, stretched(shape, YS), YS))


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What the pixels from column `left` on show: `theta` (rows, columns) in degrees, −180…180; `y` (rows,) in mm of
    the average head; `cover` (rows, columns), the share of the pixel that is head."""

    left: int
    theta: Singles
    y: Singles
    cover: Singles


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

    def surface(self) -> Surface:
        """Which point of the head each pixel shows, in the columns that the head reaches."""
        camera = self.camera
        y = _unstretched(self.shape, (np.arange(camera.height) - camera.y) / camera.scale)
        # Every second row is solved; between two the answer hardly changes.
        solved = y[::_ROW_STEP]
        outlines = self._outlines(solved)
        left = int(np.clip(outlines[:, 0].min() - 1, 0, camera.width - 2))
        right = int(np.clip(outlines[:, -1].max() + 2, left + 1, camera.width))
        index = _positions(outlines, np.arange(left, right))
        index = np.asarray(cv2.resize(index, (right - left, camera.height), interpolation=cv2.INTER_LINEAR), np.float32)
        theta = (index + np.float32(self._middle)) % 360 - 180
        rows = np.arange(camera.height) / _ROW_STEP - 0.25
        lowest, highest = (
            np.interp(rows, np.arange(len(solved)), outlines[:, end]).astype(np.float32) for end in (0, -1)
        )
        pixel = np.arange(left, right, dtype=np.float32)[None, :]
        near, far = pixel - lowest[:, None] + np.float32(0.5), highest[:, None] - pixel + np.float32(0.5)
        cover = np.clip(np.minimum(near, far), 0, 1)
        cover[highest - lowest <= 2] = 0
        return Surface(left, theta, y.astype(np.float32), cover)

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
        return np.asarray(x)

    def jaw(self, heights: Floats) -> Floats:
        """The 17 points of the jaw from the picture's left to its right, (17, 2) px.

        `heights` are the nine y (mm) from the ear down to the chin. A point of the far side that the face hides moves
        to the face's outline.
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
        return np.asarray(points)

    def _jaw_reach(self, row: int) -> float:
        """How far round (degrees) the jaw goes at a row of the grid before the neck or the ear begins."""
        ahead = ~self.neck[row, 180 : 180 + 85]
        return float(np.argmin(ahead)) if not ahead.all() else 84.0

    def slant(self, theta: Floats, y: Floats) -> Floats:
        """How much the surface's width shrinks at each place: 1 seen squarely, 0 at the outline or behind."""
        step = 1.5
        left, right = self.position(theta - step, y)[0], self.position(theta + step, y)[0]
        reach = self.radius[((y - Y_TOP) / Y_STEP).astype(int), (theta + 180).astype(int)]
        return np.asarray(np.clip((right - left) / (np.radians(2 * step) * reach * self.camera.scale), 0, 1))

    def openness(self) -> Singles:
        """Share of the room's light that reaches each place, (rows, thetas): less on the neck under the jaw."""
        below = np.where(self.neck, YS[:, None], np.inf).min(axis=0)
        depth = np.clip((YS[:, None] - below[None, :]) / 55, 0, 1)
        share = np.where(self.neck, 0.4 + 0.4 * depth, 1.0)
        return np.asarray(cv2.GaussianBlur(share.astype(np.float32), (0, 0), 1.6), np.float32)

    def facing(self) -> Singles:
        """Unit normals of the surface as the camera sees them (x right, y down, z towards it), (rows, thetas, 3)."""
        reach = self.radius.astype(np.float32)
        x, z = reach * self._across.astype(np.float32), reach * self._towards.astype(np.float32)
        right_x, right_z = _slope(x.T).T, _slope(z.T).T
        rise = np.maximum(np.gradient(self._own_y), 1e-3).astype(np.float32)[:, None]
        down_x, down_z = _slope(x) / rise, _slope(z) / rise
        normal = np.stack([-right_z, right_z * down_x - right_x * down_z, right_x], axis=-1)
        normal /= np.maximum(np.sqrt(np.einsum("ijk,ijk->ij", normal, normal)), 1e-9)[..., None]
        return np.asarray(normal, np.float32)


def _slope(values: Singles) -> Singles:
    """Central differences along the first axis, a step each, one-sided at the ends."""
    slope = np.empty_like(values)
    slope[1:-1] = (values[2:] - values[:-2]) / 2
    slope[0], slope[-1] = values[1] - values[0], values[-1] - values[-2]
    return slope


def _positions(outlines: Floats, columns: NDArray[np.int64]) -> Singles:
    """Fractional column of `outlines`, from −180, at which each row reaches each pixel column.

    One interpolation serves all rows, each moved clear of the last.
    """
    rows = len(outlines)
    gap = float(outlines.max() - outlines.min() + len(columns) + 1000)
    offset = np.arange(rows)[:, None] * gap
    steps = np.tile(np.arange(outlines.shape[1], dtype=np.float64), rows)
    wanted = np.clip(columns[None, :], outlines[:, :1], outlines[:, -1:]) + offset
    found = np.interp(wanted.ravel(), (outlines + offset).ravel(), steps)
    return (found - 180).astype(np.float32).reshape(rows, len(columns))
