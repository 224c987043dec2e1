"""A simulated panel of dermatologists: each with bias, scale use, noise and lapses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CENTRE = 3.0
PUBLISHED_LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)


@dataclass(frozen=True, slots=True)
class SimulatedRater:
    """A rater perceives 3 + scale · (severity − 3) + bias + noise · N(0, 1) and gives the nearest level.

    With probability `lapse` the grade is any level, each as likely. Bias and noise are in units of the published scale.
    Given the severity, raters err independently of each other and of the picture. Real raters share errors (a blurred
    picture misleads all), so a real consensus is less certain than this one.
    """

    name: str
    bias: float
    scale: float
    noise: float
    lapse: float

    def perceives(self, severity: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the rater sees before noise."""
        return np.asarray(_CENTRE + self.scale * (severity - _CENTRE) + self.bias)


PUBLISHED_RMSE = (0.517, 0.508, 0.500, 0.495, 0.490, 0.484, 0.454, 0.450, 0.402, 0.400, 0.388)
"""RMSE of each of the publication's eleven dermatologists against the mean of all eleven."""

PUBLISHED_PANEL: tuple[SimulatedRater, ...] = (
    SimulatedRater("Rater 1", bias=0.26, scale=1.12, noise=0.383, lapse=0.012),
    SimulatedRater("Rater 2", bias=-0.24, scale=0.90, noise=0.369, lapse=0.010),
    SimulatedRater("Rater 3", bias=0.20, scale=0.93, noise=0.330, lapse=0.010),
    SimulatedRater("Rater 4", bias=-0.20, scale=1.06, noise=0.328, lapse=0.008),
    SimulatedRater("Rater 5", bias=0.17, scale=0.92, noise=0.338, lapse=0.008),
    SimulatedRater("Rater 6", bias=-0.16, scale=1.06, noise=0.339, lapse=0.008),
    SimulatedRater("Rater 7", bias=0.14, scale=1.05, noise=0.345, lapse=0.006),
    SimulatedRater("Rater 8", bias=-0.13, scale=0.95, noise=0.334, lapse=0.006),
    SimulatedRater("Rater 9", bias=0.07, scale=1.00, noise=0.285, lapse=0.003),
    SimulatedRater("Rater 10", bias=-0.06, scale=1.03, noise=0.271, lapse=0.003),
    SimulatedRater("Rater 11", bias=0.03, scale=0.98, noise=0.271, lapse=0.002),
)
"""Eleven raters whose expected RMSE over a cohort of this library is `PUBLISHED_RMSE` to the third decimal.

Bias, scale use and lapses were chosen; the noise was then solved for with `expected_rmse`.
"""


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
    severity: NDArray[np.float64],
    raters: Sequence[SimulatedRater],
    seed: int,
    levels: Sequence[float] = PUBLISHED_LEVELS,
) -> NDArray[np.int64]:
    """Grades of every rater for every image.

    `severity` is (images,) on the published scale; another scale's `levels` (increasing whole numbers) are spread over
    the same range. Returns (images, raters). Each rater has a stream of their own by place, so adding one changes no
    other's grades. Raises ValueError when the levels do not increase.
    """
    edges, values = _edges(levels), np.asarray(levels).astype(np.int64)
    truth = np.asarray(severity, np.float64)
    grades = np.empty((len(truth), len(raters)), np.int64)
    for place, rater in enumerate(raters):
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(place,))))
        perceived = rater.perceives(truth) + rater.noise * rng.standard_normal(len(truth))
        grade = np.searchsorted(edges, _on_scale(perceived, levels), side="right")
        lapsed = rng.random(len(truth)) < rater.lapse
        grades[:, place] = values[np.where(lapsed, rng.integers(len(values), size=len(truth)), grade)]
    return grades


def expected_rmse(severity: NDArray[np.float64], raters: Sequence[SimulatedRater]) -> Floats:
    """Each rater's expected RMSE against the mean of all raters, on the published levels, (raters,).

    Exact for the given severities (images,): with a rater's mean m and variance v of the grade at a severity, M the
    raters' mean of m, V the sum of their v and J raters, the expected square is (m − M)² + v (1 − 2/J) + V/J².
    """
    levels = np.asarray(PUBLISHED_LEVELS)
    edges = _edges(PUBLISHED_LEVELS)
    chances = np.stack([_chances(np.asarray(severity, np.float64), rater, edges) for rater in raters])
    mean = chances @ levels
    variance = chances @ levels**2 - mean**2
    panel = len(raters)
    square = (mean - mean.mean(axis=0)) ** 2 + variance * (1 - 2 / panel) + variance.sum(axis=0) / panel**2
    return np.asarray(np.sqrt(square.mean(axis=1)))


def _chances(severity: Floats, rater: SimulatedRater, edges: Floats) -> Floats:
    """Probability of each level, (images, levels)."""
    below = (edges[None, :] - rater.perceives(severity)[:, None]) / (rater.noise * sqrt(2))
    reached = np.array([erf(value) for value in below.ravel()]).reshape(below.shape) / 2 + 0.5
    ends = np.zeros((len(severity), 1))
    attentive = np.diff(np.concatenate([ends, reached, ends + 1], axis=1), axis=1)
    return np.asarray((1 - rater.lapse) * attentive + rater.lapse / (len(edges) + 1))
