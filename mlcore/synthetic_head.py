"""The head as a surface that is star-shaped about a vertical axis, and its projection.

Every horizontal section of the head is a closed curve r(theta, y) about the axis (theta = 0 ahead, degrees; y down
from the eye line, millimetres). Under a turn about the axis with parallel projection each row of the picture
sees one section only, and a point of a section is visible exactly when its x is a running maximum (right of the
axis) or minimum (left of it) counted from the direction of the viewer. So hidden surfaces cost one cumulative maximum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

Y_TOP, Y_END, Y_STEP = -150.0, 240.0, 1.5
YS: Floats = np.arange(Y_TOP, Y_END + Y_STEP / 2, Y_STEP)
THETAS: Floats = np.arange(-180.0, 181.0)
X_REACH = 80.0
_FRONT: NDArray[np.bool_] = np.abs(THETAS) <= 90
_BACK: NDArray[np.bool_] = ~_FRONT

# y, half-width at the side, depth ahead, depth behind (mm): an adult head of average size, hair and nose apart.
_SECTIONS = np.array(
    [
        (-113.0, 1, 1, 1), (-110.5, 24, 31, 34), (-106, 38, 47, 51), (-98, 52, 63, 67), (-85, 63, 76, 80),
        (-65, 70, 86, 92), (-45, 72.5, 90.5, 97), (-22, 71.5, 92, 98), (0, 69.5, 89, 94), (18, 69, 88.5, 86),
        (36, 67.5, 89, 76), (54, 63.5, 90, 68), (68, 59.5, 90.5, 60), (80, 54, 89, 55), (92, 46, 88.5, 50),
        (101, 38, 87, 40), (107, 29, 83, 30), (111, 20, 76, 20), (114, 10, 60, 10), (116, 1, 1, 1),
    ]
)  # fmt: skip
_NOSE_Y = (-14, -8, 0, 10, 20, 30, 36, 40, 44, 47, 50, 53)
_NOSE_HEIGHT = (0, 2.5, 6.5, 12.5, 18.5, 24, 26, 24.5, 18, 9, 3, 0)
_NOSE_WIDTH = (8, 7.5, 7, 7.5, 8.5, 9.5, 10.5, 11.5, 12, 12, 12, 12)


@dataclass(frozen=True, slots=True)
class HeadShape:
    """How one person's head differs from the average; factors of about one, lengths in mm."""

    width: float = 1.0
    upper: float = 1.0
    nose_length: float = 1.0
    lower: float = 1.0
    nose: float = 1.0
    nose_width: float = 1.0
    jaw: float = 1.0
    chin: float = 0.0
    lips: float = 1.0
    cheekbones: float = 1.0
    neck: float = 54.0
    hair_lift: float = 8.0
    hair_low: float = 0.0
    """How far down long hair falls behind the ears, mm below the eye line; 0 is none."""


def _sections(shape: HeadShape) -> tuple[Floats, Floats, Floats]:
    y, width, ahead, behind = _SECTIONS.T
    jaw = 1 + (shape.jaw - 1) * np.clip((y - 20) / 60, 0, 1)
    columns = (width * jaw, ahead, behind)
    inside = (_SECTIONS[0, 0] <= YS) & (_SECTIONS[-1, 0] >= YS)
    # Squares of the radii are interpolated: the crown is round, and a radius falls off like a root there.
    rows = [np.where(inside, np.sqrt(np.interp(YS, y, column**2)), 0.0) for column in columns]
    kernel = np.array([1, 2, 3, 2, 1]) / 9
    smooth = [np.where(YS < -95, row, np.convolve(row, kernel, mode="same")) for row in rows]
    return smooth[0], smooth[1], smooth[2]


def _ellipse(width: Floats, depth: Floats, power: float | Floats, sin: Floats, cos: Floats) -> Floats:
    """Radius of a super-ellipse in each direction, (rows, thetas)."""
    w, d = np.maximum(width, 1e-3)[:, None], np.maximum(depth, 1e-3)[:, None]
    return ((np.abs(sin) / w) ** power + (np.abs(cos) / d) ** power) ** (-1 / power)


def _bump(x: Floats, cx: float, cy: float, rx: float, ry: float) -> Floats:
    return np.exp(-(((x - cx) / rx) ** 2) - ((YS[:, None] - cy) / ry) ** 2)


def _relief(x: Floats, shape: HeadShape) -> Floats:
    """What stands out of the face or is sunk into it, mm; `x` is |x| in front of the axis."""
    height = np.interp(YS, _NOSE_Y, _NOSE_HEIGHT)[:, None] * shape.nose
    across = np.interp(YS, _NOSE_Y, _NOSE_WIDTH)[:, None] * shape.nose_width
    relief = height * np.exp(-(np.abs(x / across) ** 2.4))
    relief += 7.0 * shape.nose_width * _bump(x, 12.5 * shape.nose_width, 41, 5.5, 6.5)
    relief += -9.5 * _bump(x, 27, -4, 19, 12) + 8.0 * _bump(x, 31, -0.5, 11.5, 9)
    relief += 2.5 * _bump(x, 26, -22, 24, 8)
    relief += 5.0 * shape.cheekbones * _bump(x, 44, 28, 22, 20) + 2.0 * _bump(x, 30, 48, 15, 12)
    lips = 4.2 * _bump(x, 0, 65, 20, 5) + 4.6 * _bump(x, 0, 75, 18, 4.5) - 1.5 * _bump(x, 0, 69.5, 24, 1.6)
    relief += 8.5 * _bump(x, 0, 69, 23, 20)
    relief += shape.lips * lips - 1.2 * _bump(x, 26, 69, 5, 4)
    relief += -3.5 * _bump(x, 0, 85, 20, 5) + (4 + shape.chin) * _bump(x, 0, 99, 18, 9)
    relief += -1.6 * _bump(x, 26, 52, 4, 12) - 1.0 * _bump(x, 0, 56, 3, 5)
    return np.asarray(relief)


@lru_cache(maxsize=1)
def _directions() -> tuple[Floats, Floats]:
    angle = np.radians(THETAS)[None, :]
    return np.sin(angle), np.cos(angle)


def neck_radius(shape: HeadShape) -> Floats:
    """Radius of the neck (a cylinder behind the axis) in each direction, (thetas,) mm."""
    sin, cos = _directions()
    back = -14.0
    root = np.sqrt(np.maximum(shape.neck**2 - (back * sin) ** 2, 0))
    return np.asarray((back * cos + root)[0])


def hairline(theta: Floats) -> Floats:
    """Lowest y of the scalp's hair in each direction (mm, below is skin); theta in degrees."""
    angle = np.abs(theta)
    return np.interp(
        angle, (0, 20, 38, 50, 62, 74, 84, 97, 112, 130, 180), (-73, -72, -66, -56, -38, -24, 6, 8, 34, 62, 72)
    )


def _skull(shape: HeadShape) -> Floats:
    """The head with its hair, without ears and neck, (rows, thetas)."""
    sin, cos = _directions()
    width, ahead, behind = _sections(shape)
    fall = _crown_fall(shape)
    skull, crown = np.empty((2, len(YS), len(THETAS)))
    power = np.interp(YS, (20, 60), (2.25, 2.1))[:, None]
    for part, depth, reach in ((_FRONT, ahead, 89.5), (_BACK, behind, 96.0)):
        skull[:, part] = _ellipse(width, depth, power, sin[:, part], cos[:, part])
        crown[:, part] = _ellipse(71.5 * fall, reach * fall, 2.15, sin[:, part], cos[:, part])
    across = np.abs(skull[:, _FRONT] * sin[:, _FRONT])
    skull[:, _FRONT] += np.where(skull[:, _FRONT] > 5, _relief(across, shape) * np.clip(cos[:, _FRONT] * 3, 0, 1), 0)
    hair = shape.hair_lift * _scalp()
    raised = np.where(fall[:, None] > 0, crown + hair * fall[:, None], 0)
    return np.maximum(skull + hair * np.clip(skull / 30, 0, 1), np.where(_scalp() > 0, raised, 0))


def radius(shape: HeadShape) -> Floats:
    """The head's surface r(y, theta) in mm, (len(YS), len(THETAS)), face, ears, hair and neck together."""
    surface = _skull(shape) + _ears()
    surface = np.maximum(surface, np.where(YS[:, None] > 20, neck_radius(shape)[None, :], 0))
    if shape.hair_low > 0:
        surface = np.maximum(surface, _long_hair(shape))
    return np.asarray(surface)


def ear_blade(theta: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.floating]:
    """Where the ears stand out, 0…1, for theta in degrees and y in mm."""
    across = (np.abs(theta) - 99 - 0.12 * y) / 7.5
    return np.asarray(np.exp(-(np.abs(across) ** 4) - (np.abs((y - 18) / 29) ** 4)))


@lru_cache(maxsize=1)
def _ears() -> Floats:
    return np.asarray(13.0 * ear_blade(THETAS[None, :], YS[:, None]), np.float64)


@lru_cache(maxsize=1)
def _scalp() -> Floats:
    """How much of the full hair's thickness covers each place, 0…1."""
    depth = hairline(THETAS)[None, :] - YS[:, None]
    return np.asarray(np.sqrt(np.clip(depth / 16, 0, 1)))


def _crown_fall(shape: HeadShape) -> Floats:
    """How the rounded top of the hair, or of the skull under it, narrows upwards: 1 at the temples to 0, (rows,)."""
    middle, power = -40.0, 2.3
    share = np.clip((middle - YS) / (73.0 + shape.hair_lift), 0, 1)
    return np.where(middle > YS, (1 - share**power) ** (1 / power), 0.0)


def curtain_edge(y: NDArray[np.floating]) -> NDArray[np.floating]:
    """theta (degrees) from which long hair hangs, at each y (mm)."""
    return np.asarray(88 + 5 * np.sin(y / 30))


def _long_hair(shape: HeadShape) -> Floats:
    angle, y = np.abs(THETAS)[None, :], YS[:, None]
    dome = np.sqrt(np.clip(1 - (np.minimum(y, 0) / -124) ** 2, 0, 1))
    behind = 16 * np.clip((angle - 105) / 60, 0, 1) * np.clip((y + 60) / 70, 0, 1)
    spread = 85 * dome + 0.06 * np.clip(y, 0, 200) + behind
    ends = shape.hair_low - 5 + 3 * np.sin(np.radians(angle) * 23) + 2 * np.sin(np.radians(angle) * 61)
    tuck = np.clip((ends - y) / 25, 0, 1) ** 0.5
    hanging = (angle > curtain_edge(y)) & (y > -60) & (y < ends)
    return np.asarray(np.where(hanging, spread * (0.88 + 0.12 * tuck), 0))


@lru_cache(maxsize=1)
def _frontal_table() -> tuple[Floats, Floats]:
    """theta (degrees) of the average face's surface at each y (rows) and frontal x (columns, mm)."""
    surface = radius(HeadShape())
    front = np.abs(THETAS) <= 88
    across = surface[:, front] * _directions()[0][:, front]
    xs = np.arange(-X_REACH, X_REACH + 1)
    table = np.stack([np.interp(xs, np.maximum.accumulate(row), THETAS[front]) for row in across])
    return xs, table


def direction_of(points: Floats) -> Floats:
    """theta in degrees of points given as frontal (x, y) in mm on the average face; (n, 2) → (n,)."""
    xs, table = _frontal_table()
    column = np.clip(points[:, 0] + X_REACH, 0, len(xs) - 1.001)
    row = np.clip((points[:, 1] - Y_TOP) / Y_STEP, 0, len(YS) - 1.001)
    c, r = column.astype(int), row.astype(int)
    fc, fr = column - c, row - r
    upper = table[r, c] * (1 - fc) + table[r, c + 1] * fc
    lower = table[r + 1, c] * (1 - fc) + table[r + 1, c + 1] * fc
    return np.asarray(upper * (1 - fr) + lower * fr)
