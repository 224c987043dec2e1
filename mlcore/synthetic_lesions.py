"""Acne: how many lesions of which kind a severity brings, where they sit, and how one looks in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_person import Person
from mlcore.synthetic_records import CohortConfig, LesionKind, SkinRegion

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

REGIONS: tuple[SkinRegion, ...] = (
    SkinRegion.FOREHEAD, SkinRegion.NOSE, SkinRegion.LEFT_CHEEK, SkinRegion.RIGHT_CHEEK, SkinRegion.CHIN,
)  # fmt: skip
"""Region number n of a canvas label (1-based) is REGIONS[n - 1]."""
_GRADES = (1.0, 2.0, 3.0, 4.0, 5.0)
# Expected number over the whole face at each grade.
_MEANS: dict[LesionKind, tuple[float, ...]] = {
    LesionKind.COMEDONE: (2, 13, 27, 38, 44),
    LesionKind.PAPULE: (0.5, 7, 19, 37, 60),
    LesionKind.PUSTULE: (0.05, 1.8, 7, 16, 30),
    LesionKind.NODULE: (0.0, 0.0, 0.35, 2.2, 7.5),
}
# Median radius (mm) and its spread (of the logarithm).
_RADIUS: dict[LesionKind, tuple[float, float]] = {
    LesionKind.COMEDONE: (0.75, 0.2),
    LesionKind.PAPULE: (1.7, 0.22),
    LesionKind.PUSTULE: (2.0, 0.2),
    LesionKind.NODULE: (4.2, 0.18),
}
_SHARED_SPREAD, _KIND_SPREAD = 0.14, 0.15


@dataclass(frozen=True, slots=True)
class Spot:
    """A lesion on the head, before it is seen: theta in degrees, y and radius in mm, strength about one."""

    kind: LesionKind
    region: SkinRegion
    theta: float
    y: float
    radius: float
    strength: float


def expected_counts(severity: float) -> dict[LesionKind, float]:
    """Mean number of lesions over the whole face at a latent severity, by kind."""
    return {kind: float(np.interp(severity, _GRADES, means)) for kind, means in _MEANS.items()}


def plan_lesions(
    severity: float,
    shares: tuple[float, ...],
    cells: tuple[tuple[Floats, Floats], ...],
    rng: np.random.Generator,
    config: CohortConfig,
) -> list[Spot]:
    """Draw the lesions of one selfie.

    Counts are Poisson about the mean for the severity times two log-normal frailties (one shared by the kinds, one
    for each, both spread `config.frailty` times as far as usual), so that equal severities differ in their counts.
    `shares` say how they spread over the regions, `cells` holds each region's places (theta, y), one of which is drawn
    and jittered within its 2 mm × 2 degrees.
    """
    all_spread, kind_spread = config.frailty * _SHARED_SPREAD, config.frailty * _KIND_SPREAD
    shared = rng.normal(-(all_spread**2) / 2, all_spread)
    vigour = float(np.exp(rng.normal(0, 0.12))) * (0.82 + 0.09 * (severity - 1))
    spots: list[Spot] = []
    for kind, mean in expected_counts(severity).items():
        own = rng.normal(-(kind_spread**2) / 2, kind_spread)
        number = int(rng.poisson(mean * np.exp(shared + own)))
        median, spread = _RADIUS[kind]
        radii = median * np.exp(rng.normal(0, spread, number)) * (0.9 + 0.05 * (severity - 1))
        for region, radius in zip(rng.choice(len(shares), size=number, p=shares), radii, strict=True):
            thetas, ys = cells[region]
            cell = int(rng.integers(len(thetas)))
            theta, y = thetas[cell] + rng.uniform(-1, 1), ys[cell] + rng.uniform(-1, 1)
            strength = vigour * float(rng.uniform(0.7, 1.15))
            spots.append(Spot(kind, REGIONS[region], float(theta), float(y), float(radius), strength))
    return spots


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where one spot lands: centre and half-axes in px, and the direction of the light in the picture plane."""

    x: float
    y: float
    half_width: float
    half_height: float
    light: tuple[float, float]


def _change(spot: Spot, person: Person, reach: Singles, lit: Singles, hidden: float) -> Singles:
    """Factors on the picture, (h, w, 3): `reach` is the squared distance in radii, `lit` the part towards the light."""
    inflamed = np.array(person.inflamed, np.float32) - 1
    strength = np.float32(spot.strength)
    shown = np.float32(1 - hidden)
    body = np.exp(-(reach**1.6))
    halo = np.exp(-reach / 2.6)
    if spot.kind is LesionKind.COMEDONE:
        plug = np.exp(-(reach * 2.2))
        open_one = spot.theta * 10 % 2 < 1.2
        dark = np.array((-0.42, -0.48, -0.5) if open_one else (0.1, 0.12, 0.12), np.float32)
        return np.asarray(1 + (strength * shown * plug)[..., None] * dark + (0.12 * lit * body * strength)[..., None])
    red = (body * 0.8 + halo * 0.4) * strength * shown
    relief = (0.2 if spot.kind is LesionKind.NODULE else 0.16) * lit * body * strength
    change = 1 + red[..., None] * inflamed + relief[..., None]
    if spot.kind is LesionKind.PUSTULE:
        pus = np.exp(-((reach * 3.2) ** 1.5)) * np.float32(0.95) * strength * (1 - np.float32(hidden) * 0.5)
        change += pus[..., None] * (np.array((1.08, 1.02, 0.84), np.float32) - change)
    return np.asarray(change)


def stamp(picture: Singles, spot: Spot, place: Stamp, person: Person, hidden: float) -> None:
    """Draw one lesion into `picture` (height, width, 3) float32; `hidden` is the share that make-up covers."""
    reach_x, reach_y = int(place.half_width * 3) + 2, int(place.half_height * 3) + 2
    x, y = int(place.x), int(place.y)
    rows = slice(max(y - reach_y, 0), max(y + reach_y + 1, 0))
    columns = slice(max(x - reach_x, 0), max(x + reach_x + 1, 0))
    here = picture[rows, columns]
    if here.size == 0:
        return
    dx = (np.arange(here.shape[1], dtype=np.float32) + np.float32(columns.start - place.x)) / np.float32(
        place.half_width
    )
    dy = (np.arange(here.shape[0], dtype=np.float32) + np.float32(rows.start - place.y)) / np.float32(place.half_height)
    reach = dx[None, :] ** 2 + dy[:, None] ** 2
    lit = dx[None, :] * np.float32(place.light[0]) + dy[:, None] * np.float32(place.light[1])
    here *= _change(spot, person, reach, lit, hidden)
