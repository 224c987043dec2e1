"""How well predictions agree with the truth. Figures named rmse and mae are better when low, the others when high.

No figure is ever NaN: one that is not defined for the data (no images, a constant) is None.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
DRAWS: Final = 2000
MIN_SEEDS: Final = 5


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
    guesses, answers = _pair(predicted, truth)
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
        rmse=_rmse(errors),
        mae=_mean(np.abs(errors)),
        pearson=pearson(guesses, answers),
        spearman=pearson(_ranks(guesses), _ranks(answers)),
        within_one=_mean((np.abs(rows - columns) <= 1).astype(np.float64)),
        confusion=tuple(tuple(row) for row in matrix.tolist()),
        levels=tuple(float(level) for level in levels),
    )


@dataclass(frozen=True, slots=True)
class Interval:
    """low, high: ends of a 95 % interval, in the figure's own unit."""

    low: float
    high: float


def rmse_interval(predicted: ArrayLike, truth: ArrayLike, groups: Sequence[Hashable], seed: int = 0) -> Interval | None:
    """95 % percentile bootstrap of the RMSE (Efron and Tibshirani 1993), drawing whole groups, as images of one person
    err alike. predicted, truth: (n,). groups: the group of each image. None for fewer than two groups."""
    guesses, answers = _pair(predicted, truth)
    if len(groups) != guesses.size:
        raise ValueError(f"{len(groups)} groups for {guesses.size} predictions")
    number: dict[Hashable, int] = {}
    member_of = np.array([number.setdefault(group, len(number)) for group in groups], dtype=np.int64)
    if len(number) < 2:
        return None
    squares = np.bincount(member_of, (guesses - answers) ** 2)
    sizes = np.bincount(member_of)
    drawn = np.random.default_rng(seed).integers(0, len(number), (DRAWS, len(number)))
    rmse = np.sqrt(squares[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.percentile(rmse, [2.5, 97.5])
    return Interval(float(low), float(high))


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """The n images whose prediction is nearest to `level`; their mean prediction and mean truth, None without any."""

    level: float
    n: int
    predicted: float | None
    truth: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """slope, intercept: of the straight line truth = intercept + slope × predicted; 1 and 0 are perfect, a slope below
    1 says that predictions spread too far. None where the predictions are constant. bias: mean of predicted - truth."""

    slope: float | None
    intercept: float | None
    bias: float | None
    bins: tuple[CalibrationBin, ...]


def calibration(predicted: ArrayLike, truth: ArrayLike, levels: Sequence[float]) -> Calibration:
    """What the truth is, on average, where the model says so much; predicted, truth: (n,)."""
    guesses, answers = _pair(predicted, truth)
    nearest = levels_of(guesses, levels)
    bins = tuple(
        CalibrationBin(float(level), int(here.sum()), _mean(guesses[here]), _mean(answers[here]))
        for level, here in ((level, nearest == at) for at, level in enumerate(levels))
    )
    correlated = pearson(guesses, answers)
    # Where only the truth is constant, the line is flat; where the predictions are, there is none.
    spread = float(guesses.std()) if guesses.size else 0.0
    if spread <= 1e-12 * (1 + float(np.abs(guesses).max(initial=0))):
        return Calibration(None, None, _mean(guesses - answers), bins)
    slope = (correlated or 0.0) * float(answers.std()) / spread
    return Calibration(slope, float(answers.mean() - slope * guesses.mean()), _mean(guesses - answers), bins)


@dataclass(frozen=True, slots=True)
class PanelFigure:
    """One leave-one-out panel: the RMSE of the model, and of the rater left out, to the mean of the others, on the n
    images that every rater graded. None without any."""

    n: int
    model_rmse: float | None
    rater_rmse: float | None


def leave_one_out(predicted: ArrayLike, grades: ArrayLike) -> tuple[PanelFigure, ...]:
    """The model against the same panels as each rater, in the order of the table's columns.

    predicted: (n,) of every image; grades: (n, raters ≥ 2), NaN = missing; images with a missing grade are left out.
    """
    guesses, table = _checked(predicted, "predicted"), np.asarray(grades, dtype=np.float64)
    if table.ndim != 2 or len(table) != guesses.size or table.shape[1] < 2 or np.any(np.isinf(table)):
        raise ValueError(f"grades of shape {table.shape} for {guesses.size} predictions, of two raters at least")
    complete = ~np.isnan(table).any(axis=1)
    table, guesses = table[complete], guesses[complete]
    figures = []
    for rater in range(table.shape[1]):
        others = np.delete(table, rater, axis=1).mean(axis=1)
        figures.append(PanelFigure(len(table), _rmse(guesses - others), _rmse(table[:, rater] - others)))
    return tuple(figures)


def subgroups(
    predicted: ArrayLike,
    truth: ArrayLike,
    levels: Sequence[float],
    names: Sequence[str],
    scored: Sequence[bool] | None = None,
) -> dict[str, Evaluation]:
    """The same figures for each subgroup (a skin tone, a pose, a route), by name; names: (n,), of each image."""
    guesses, answers = _pair(predicted, truth)
    if len(names) != guesses.size:
        raise ValueError(f"{len(names)} names of subgroups for {guesses.size} predictions")
    flags = np.ones(guesses.size, dtype=bool) if scored is None else np.asarray(scored, dtype=bool)
    member = np.asarray(names, dtype=object)
    found = {}
    for name in sorted(set(names)):
        here = member == name
        found[name] = evaluate(guesses[here], answers[here], levels, flags[here].tolist())
    return found


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """Of one figure over several seeds; never the best of them alone."""

    seeds: int
    median: float
    low: float
    high: float


def seed_spread(figures: Sequence[float]) -> SeedSpread:
    """Median and range over seeds; at least 5, or the range says little. Raises ValueError for fewer."""
    values = _checked(figures, "figures")
    if values.size < MIN_SEEDS:
        raise ValueError(f"a spread is over {MIN_SEEDS} seeds at least, not {values.size}")
    return SeedSpread(values.size, float(np.median(values)), float(values.min()), float(values.max()))


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


def _rmse(errors: Floats) -> float | None:
    return float(np.sqrt(np.mean(errors**2))) if errors.size else None


def _pair(predicted: ArrayLike, truth: ArrayLike) -> tuple[Floats, Floats]:
    guesses, answers = _checked(predicted, "predicted"), _checked(truth, "truth")
    if guesses.shape != answers.shape:
        raise ValueError(f"{guesses.size} predictions for {answers.size} true values")
    return guesses, answers


def _checked(values: ArrayLike, name: str) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, not {array.ndim}")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} holds numbers that are not finite")
    return array
