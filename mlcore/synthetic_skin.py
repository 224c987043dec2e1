"""Skin and hair painted on the unrolled head, with what looks like acne but is not, or hides it.

Freckles, moles, old marks, stubble, make-up, redness.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_canvas import CANVAS_END, CANVAS_SPAN, CANVAS_TOP, Canvas, Window, in_colour
from mlcore.synthetic_features import (
    LABEL_HAIR,
    LABEL_SKIN,
    Outlines,
    paint_brows,
    paint_ears,
    paint_eyes,
    paint_mouth,
    paint_nose,
)
from mlcore.synthetic_head import THETAS, Y_STEP, Y_TOP, HeadShape, curtain_edge, ear_blade, hairline, radius
from mlcore.synthetic_lesions import REGIONS
from mlcore.synthetic_person import Person
from mlcore.synthetic_records import Hair, Sex, Subject

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

_LOW_STEP = 2.0


@dataclass(frozen=True, slots=True)
class Blemishes:
    """What is on the skin besides acne; strengths 0…1, counts as they are."""

    freckles: int = 0
    moles: int = 0
    marks: int = 0
    stubble: float = 0.0
    redness: float = 0.0
    cover: float = 0.0
    """How much of the lesions' colour make-up hides."""
    blush: float = 0.0
    mottle: float = 0.3


def draw_blemishes(
    own: np.random.Generator, now: np.random.Generator, subject: Subject, person: Person, strength: float
) -> Blemishes:
    """`own` is the person's stream (freckles and moles stay), `now` the selfie's (shaving and make-up change)."""
    freckled = own.random() < (0.6, 0.45, 0.3, 0.2, 0.15, 0.15)[subject.tone - 1]
    freckles, moles, marked = own.integers(40, 260), own.poisson(6.0), own.gamma(1.1, 34.0)
    flushed, shaved, painted = own.beta(1.2, 2.5), now.random(), now.random()
    wears = subject.sex is Sex.FEMALE and painted < 0.55
    return Blemishes(
        freckles=int(strength * freckles) if freckled else 0,
        moles=round(strength * float(moles)),
        marks=int(strength * marked),
        stubble=strength * person.beard * (0.25 + 0.75 * float(shaved)),
        redness=strength * float(flushed),
        cover=strength * 0.9 * float(now.beta(2, 1.6)) if wears else 0.0,
        blush=strength * float(now.random()) if wears else 0.0,
        mottle=0.25 + 0.5 * strength * float(now.random()),
    )


@lru_cache(maxsize=1)
def _low_grid() -> tuple[Floats, Floats, Floats]:
    """theta, y and frontal x on a coarse grid over the canvas, (rows, columns) each; x is far off behind the ears."""
    y = np.arange(CANVAS_TOP, CANVAS_END, _LOW_STEP)
    theta = np.arange(-180.0, 180.0, _LOW_STEP)
    surface = radius(HeadShape())
    rows = ((y - Y_TOP) / Y_STEP).astype(int)
    columns = (theta - THETAS[0]).astype(int)
    sin, cos = np.sin(np.radians(theta)), np.cos(np.radians(theta))
    x = np.where(cos > 0, surface[np.ix_(rows, columns)] * sin, 1e3 * np.sign(sin))
    return np.broadcast_to(theta, x.shape), np.broadcast_to(y[:, None], x.shape), x


def _cloud(cx: float, cy: float, rx: float, ry: float) -> Floats:
    _, y, x = _low_grid()
    return np.asarray(np.exp(-(((np.abs(x) - cx) / rx) ** 2) - ((y - cy) / ry) ** 2))


@lru_cache(maxsize=1)
def _clouds() -> dict[str, Floats]:
    """Smooth areas of the face, 0…1, on the coarse grid."""
    beard = _cloud(30, 92, 34, 26) + _cloud(58, 72, 20, 30) + _cloud(8, 57, 18, 6) + _cloud(50, 108, 30, 14)
    return {
        "ruddy": _cloud(40, 30, 20, 20) + 0.8 * _cloud(0, 38, 14, 14) + 0.4 * _cloud(0, 98, 18, 12),
        "butterfly": _cloud(32, 28, 22, 18) + 0.9 * _cloud(0, 28, 16, 18),
        "apples": _cloud(46, 26, 16, 13),
        "beard": np.clip(beard, 0, 1) * (1 - np.clip(_cloud(0, 71, 24, 9) * 1.3, 0, 1)),
        "under_eyes": _cloud(29, 11, 13, 5),
        "hollows": _cloud(15, -6, 6, 9) + 0.5 * _cloud(24, 54, 6, 10) + 0.5 * _cloud(0, 86, 18, 4),
    }


@lru_cache(maxsize=1)
def _low_labels() -> NDArray[np.uint8]:
    theta, y, x = _low_grid()
    wide, label = np.abs(x), np.full(x.shape, LABEL_SKIN, np.uint8)
    face = np.abs(theta) < 82
    cheek = face & (y > 9) & (y < 86) & (wide > 19 + 0.16 * np.clip(y - 40, 0, 99)) & (y < 100 - 0.3 * wide)
    label[(y < -29) & (y > hairline(theta) + 5) & (np.abs(theta) < 62)] = 1
    label[face & (wide < 13 + 0.06 * y) & (y > -6) & (y < 50)] = 2
    label[cheek & (x > 0)] = 3
    label[cheek & (x < 0)] = 4
    label[face & (wide < 33) & (y > 84) & (y < 111)] = 5
    return label


def _seen_part(low: NDArray[Any], canvas: Canvas) -> NDArray[Any]:
    """The columns of a coarse-grid array that the canvas covers."""
    first = round((canvas.start + 180) / _LOW_STEP)
    return np.asarray(low.take(range(first, first + round(CANVAS_SPAN / _LOW_STEP)), axis=1, mode="wrap"))


def _region_labels(canvas: Canvas) -> NDArray[np.uint8]:
    """Labels of bare skin over a canvas: 1–5 the regions, 6 the rest."""
    rows, columns = canvas.label.shape
    return np.asarray(
        cv2.resize(_seen_part(_low_labels(), canvas), (columns, rows), interpolation=cv2.INTER_NEAREST), np.uint8
    )


@lru_cache(maxsize=1)
def region_cells() -> tuple[tuple[Floats, Floats], ...]:
    """For each of REGIONS the (theta, y) of its cells, 2 degrees by 2 mm."""
    theta, y, _ = _low_grid()
    return tuple((theta[inside], y[inside]) for inside in (_low_labels() == n + 1 for n in range(len(REGIONS))))


def _spread(low: Floats, canvas: Canvas) -> Singles:
    rows, columns = canvas.label.shape
    return np.asarray(
        cv2.resize(_seen_part(low, canvas).astype(np.float32), (columns, rows), interpolation=cv2.INTER_LINEAR),
        np.float32,
    )


def _base(canvas: Canvas, person: Person, blemishes: Blemishes) -> None:
    """Skin's colour with its slow changes over the face."""
    clouds = _clouds()
    red = (
        0.35 * clouds["ruddy"]
        + 0.9 * blemishes.redness * clouds["butterfly"]
        + 0.6 * blemishes.blush * clouds["apples"]
    )
    inflamed = (np.array(person.inflamed) - 1) * 0.55
    low = 1 + red[..., None] * inflamed
    low *= 1 + clouds["under_eyes"][..., None] * np.array([-0.12, -0.13, -0.1])
    low *= 1 + clouds["hollows"][..., None] * np.array([-0.13, -0.17, -0.17])
    low *= 1 + (blemishes.stubble * clouds["beard"])[..., None] * np.array([-0.26, -0.2, -0.13])
    slow, fine = canvas.noise(1, 5.0, person.texture_seed), canvas.noise(2, 0.7, person.texture_seed // 7)
    mottle = slow * np.float32(0.02 * blemishes.mottle) + fine * np.float32(0.012 + 0.01 * blemishes.mottle)
    uneven = mottle + slow * np.float32(0.018 * blemishes.mottle)
    planes = [
        (_spread(low[..., channel], canvas) + change) * np.float32(person.skin[channel])
        for channel, change in enumerate((mottle, uneven, uneven))
    ]
    canvas.colour = np.asarray(cv2.merge(planes), np.float32)
    canvas.label[:] = _region_labels(canvas)


def _stubble(canvas: Canvas, person: Person, blemishes: Blemishes) -> None:
    if blemishes.stubble < 0.02:
        return
    dots = np.clip(canvas.noise(3, 0.35, person.texture_seed // 3) - 0.7, 0, 1.2)
    canvas.colour *= in_colour(1 - dots * _spread(_clouds()["beard"] * blemishes.stubble * 0.5, canvas))


def _spots(canvas: Canvas, places: Floats, sizes: Floats, factors: tuple[float, float, float], depths: Floats) -> None:
    """Flat round spots: `places` (n, 2) theta and y, radius in mm, factors at full depth."""
    texels = canvas.on_side(places)
    for (cx, cy), size, depth in zip(texels, sizes * canvas.per_mm, depths, strict=True):
        reach = int(np.ceil(2 * size)) + 1
        x, y = int(cx), int(cy)
        rows = slice(max(y - reach, 0), y + reach + 1)
        columns = slice(max(x - reach, 0), x + reach + 1)
        here = canvas.colour[rows, columns]
        dy = np.arange(rows.start, rows.start + here.shape[0], dtype=np.float32) - np.float32(cy)
        dx = np.arange(columns.start, columns.start + here.shape[1], dtype=np.float32) - np.float32(cx)
        near = (dy[:, None] ** 2 + dx[None, :] ** 2) / np.float32(size * size)
        weight = np.float32(depth) * np.exp(-(near**1.5))
        here *= 1 + weight[..., None] * (np.array(factors, np.float32) - 1)


def _blemish(canvas: Canvas, person: Person, blemishes: Blemishes, own: np.random.Generator) -> None:
    """Freckles, moles and old marks, at the same places in every selfie of the person."""
    brown = (0.76, 0.64, 0.56)
    for count, wide, tall, sizes, factors, depths in (
        (blemishes.freckles, 34.0, (14.0, 20.0), (0.45, 0.95), brown, (0.25, 0.9)),
        (blemishes.moles, 50.0, (20.0, 50.0), (0.8, 1.9), (0.45, 0.34, 0.32), (0.7, 1.0)),
        (blemishes.marks, 45.0, (40.0, 42.0), (0.9, 2.2), tuple(0.25 + 0.75 * f for f in person.inflamed), (0.3, 1.0)),
    ):
        stream = np.random.default_rng(own.integers(2**32))
        # Drawn one at a time, so that a stronger setting adds spots and moves none.
        rows = stream.random((400, 3))[:count]
        lying = stream.normal(size=(400, 2))[:count]
        if count:
            places = np.stack([wide * lying[:, 0] * 0.75, tall[0] + tall[1] * lying[:, 1]], axis=1)
            keep = (np.abs(places[:, 0]) < 85) & (places[:, 1] > -70) & (places[:, 1] < 108)
            span = sizes[0] + (sizes[1] - sizes[0]) * rows[:, 0] ** 2
            depth = depths[0] + (depths[1] - depths[0]) * rows[:, 1]
            red, green, blue = factors
            _spots(canvas, places[keep], span[keep], (red, green, blue), depth[keep])


def _hair(canvas: Canvas, person: Person) -> None:
    """Hair over the scalp, and behind the ears when it is long; the middle of the face is left alone."""
    rows, columns = canvas.label.shape
    low = int((-40 - CANVAS_TOP) * canvas.per_mm)
    left, right = (int(np.clip((side - canvas.start) * canvas.per_degree, 0, columns)) for side in (-52, 52))
    noise = _hair_noise(canvas, person)
    for window in (
        (slice(0, low), slice(0, columns)),
        (slice(low, rows), slice(0, left)),
        (slice(low, rows), slice(right, columns)),
    ):
        _hair_in(canvas, person, window, noise)


def _hair_noise(canvas: Canvas, person: Person) -> tuple[Singles, Singles, Singles]:
    """Ragged edge, strands and waves over the canvas."""
    seed, cropped = person.texture_seed // 11, person.hair is Hair.CROPPED
    return (
        canvas.noise(4, 0.5, seed, stretch=7.0),
        canvas.noise(5, 0.5, seed // 5, stretch=1.5 if cropped else 16.0),
        canvas.noise(6, 4.0, seed // 13, stretch=1.0 if cropped else 4.0),
    )


def _hair_in(canvas: Canvas, person: Person, window: Window, noise: tuple[Singles, Singles, Singles]) -> None:
    theta, y = canvas.theta[None, window[1]], canvas.y[window[0], None]
    if theta.size == 0:
        return
    ragged, strands, waves = (field[window] for field in noise)
    cropped = person.hair is Hair.CROPPED
    edge = hairline(theta.astype(np.float64)).astype(np.float32)
    cover = np.clip((edge - y + np.float32(1.6) * ragged) / np.float32(9.0 if cropped else 6.0), 0, 1)
    cover *= np.float32(0.85 if cropped else 1.0)
    if person.shape.hair_low <= 0:
        cover *= 1 - np.clip(2 * ear_blade(theta, y), 0, 1)
    else:
        behind = np.abs(theta) - curtain_edge(y) + np.float32(2.0)
        cover = np.maximum(cover, np.clip(behind, 0, 1) * (y > -60) * (y < person.shape.hair_low + 2))
    gloss = 1 + np.float32(0.15) * strands + np.float32(0.12) * waves
    target = np.asarray(cv2.merge([gloss * np.float32(shade) for shade in person.hair_colour]), np.float32)
    here = canvas.colour[window]
    here += (target - here) * in_colour(cover.astype(np.float32))
    canvas.label[window][cover > 0.3] = LABEL_HAIR


def paint_head(
    canvas: Canvas,
    person: Person,
    outlines: Outlines,
    blemishes: Blemishes,
    streams: tuple[np.random.Generator, np.random.Generator],
    lead: float,
) -> None:
    """Everything but acne. `streams` are the person's (stays) and the selfie's (gaze); `lead` is how far (mm) the turn
    moves the irises ahead of the lids."""
    own, now = streams
    _base(canvas, person, blemishes)
    _stubble(canvas, person, blemishes)
    _blemish(canvas, person, blemishes, own)
    paint_ears(canvas, person)
    paint_nose(canvas, person)
    paint_mouth(canvas, person, outlines)
    paint_eyes(canvas, person, outlines, (lead + float(now.normal(0, 1.0)), float(now.normal(0, 0.4))))
    _hair(canvas, person)
    paint_brows(canvas, person, outlines, own)
