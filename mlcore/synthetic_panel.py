"""A simulated panel of dermatologists: each with bias, scale use, noise and lapses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CENTRE = 3.0
PUBLISHED_LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)


@dataclass(frozen=True, slots=True)
class SimulatedRater:
    """A rater perceives 3 + scale · (severity − 3) + bias + noise · N(0, 1) and gives the nearest level.

    With probability `lapse` the grade is any level, each as likely. All but `lapse` are in units of the published scale.
    """

    name: str
    bias: float
    scale: float
    noise: float
    lapse: float


PUBLISHED_RMSE = (0.517, 0.508, 0.500, 0.495, 0.490, 0.484, 0.454, 0.450, 0.402, 0.400, 0.388)
"""RMSE of each of the publication's eleven dermatologists against the mean of all eleven."""

PUBLISHED_PANEL: tuple[SimulatedRater, ...] = ()


def _edges(levels: Sequence[float]) -> Floats:
    values = np.asarray(levels, np.float64)
    if len(values) < 2 or np.any(np.diff(values) <= 0):
        raise ValueError("levels must be at least two, in increasing order")
    return (values[1:] + values[:-1]) / 2


def _on_scale(severity: Floats, levels: Sequence[float]) -> Floats:
    """Severity on the published 1–5 → the same share of the way along another scale."""
    low, high = float(levels[0]), float(levels[-1])
    return low + (severity - 1) * (high - low) / 4


def simulate_panel(
    severity: NDArray[np.float64], raters: Sequence[SimulatedRater], seed: int, levels: Sequence[float] = PUBLISHED_LEVELS
) -> NDArray[np.int64]:
    """Grades of every rater for every image.

    `severity` is (images,) on the published scale; another scale's `levels` (increasing, whole numbers) are spread over the same
    range. Returns (images, raters). Each rater has a stream of their own by place, so adding one changes no other's grades.
    Raises ValueError when the levels do not increase.
    """
    edges, values = _edges(levels), np.asarray(levels).astype(np.int64)
    step = (float(levels[-1]) - float(levels[0])) / 4
    truth = np.asarray(severity, np.float64)
    grades = np.empty((len(truth), len(raters)), np.int64)
    for place, rater in enumerate(raters):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(place,))))
        perceived = _CENTRE + rater.scale * (truth - _CENTRE) + rater.bias + rater.noise * rng.standard_normal(len(truth))
        grade = np.searchsorted(edges, _on_scale(perceived, levels), side="right")
        lapsed = rng.random(len(truth)) < rater.lapse
        grades[:, place] = values[np.where(lapsed, rng.integers(len(values), size=len(truth)), grade)]
    del step
    return grades
