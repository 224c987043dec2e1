"""How well predictions agree with the truth. Figures named rmse and mae are better when low, the others when high.

No figure is ever NaN: one that is not defined for the data (no images, a constant) is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Agreement of predicted with true severities, in units of the scale.

    n: images. coverage: share of them that the model scored; the others count with the value that stands in for them.
    rmse, mae: of predicted - truth. pearson, spearman: -1 … 1. within_one: share of images whose predicted level is at
    most one step from the true one. confusion: rows are the true levels, columns the predicted, counts of images.
    """

    n: int
    coverage: float | None
    rmse: float | None
    mae: float | None
    pearson: float | None
    spearman: float | None
    within_one: float | None
    confusion: tuple[tuple[int, ...], ...]
    levels: tuple[float, ...]


def evaluate(
    predicted: ArrayLike, truth: ArrayLike, levels: Sequence[float], scored: Sequence[bool] | None = None
) -> Evaluation:
    """Compare predicted with true severities, both (n,).

    A refused image's predicted value is given by the caller (the mean training target); `scored`, (n,), says which
    images the model scored itself, all by default. Raises ValueError for unequal lengths, numbers that are not finite,
    or levels that do not rise.
    """
    guesses, answers = _checked(predicted, "predicted"), _checked(truth, "truth")
    if guesses.shape != answers.shape:
        raise ValueError(f"{guesses.size} predictions for {answers.size} true values")
    if scored is not None and len(scored) != guesses.size:
        raise ValueError(f"{len(scored)} scored flags for {guesses.size} predictions")
    rows, columns = levels_of(answers, levels), levels_of(guesses, levels)
    matrix = np.zeros((len(levels), len(levels)), dtype=np.int64)
    np.add.at(matrix, (rows, columns), 1)
    n = int(guesses.size)
    errors = guesses - answers
    return Evaluation(
        n=n,
        coverage=_mean(np.ones(n) if scored is None else np.asarray(scored, dtype=np.float64)),
        rmse=float(np.sqrt(np.mean(errors**2))) if n else None,
        mae=_mean(np.abs(errors)),
        pearson=pearson(guesses, answers),
        spearman=pearson(_ranks(guesses), _ranks(answers)),
        within_one=_mean((np.abs(rows - columns) <= 1).astype(np.float64)),
        confusion=tuple(tuple(row) for row in matrix.tolist()),
        levels=tuple(float(level) for level in levels),
    )


def levels_of(values: ArrayLike, levels: Sequence[float]) -> NDArray[np.int64]:
    """The index of each value's level, (n,): edges are the midpoints between neighbouring levels.

    A value exactly on a midpoint belongs to the higher level. Raises ValueError unless the levels strictly rise.
    """
    scale = np.asarray(levels, dtype=np.float64)
    if scale.size == 0 or np.any(np.diff(scale) <= 0):
        raise ValueError("levels must be given in rising order")
    edges = (scale[1:] + scale[:-1]) / 2
    return np.searchsorted(edges, np.asarray(values, dtype=np.float64), side="right").astype(np.int64)


def pearson(first: Floats, second: Floats) -> float | None:
    """Pearson's correlation of two (n,) arrays; None where one of them is constant or n < 2."""
    if first.size < 2:
        return None
    one, two = first - first.mean(), second - second.mean()
    # A constant's deviations are rounding dust rather than exact zeros; anything below it is no variation.
    dust = 1e-12 * (1 + np.abs(first).max()), 1e-12 * (1 + np.abs(second).max())
    if np.abs(one).max() <= dust[0] or np.abs(two).max() <= dust[1]:
        return None
    correlation = float(np.sum(one * two) / np.sqrt(np.sum(one**2) * np.sum(two**2)))
    return min(1.0, max(-1.0, correlation))


def _ranks(values: Floats) -> Floats:
    """Ranks from 1; tied values share their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_rank: Floats = last - (counts - 1) / 2
    return mean_rank[places]


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if values.size else None


def _checked(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not {array.ndim}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} holds numbers that are not finite")
    return array
