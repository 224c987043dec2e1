"""Splits that keep what belongs together (a person, a cluster of near-duplicates) on one side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DRAWS: Final = 64


@dataclass(frozen=True, slots=True)
class Split:
    """Places in the given sequence, rising: those to train on, and those kept for validation."""

    train: tuple[int, ...]
    validation: tuple[int, ...]


def validation_split(
    groups: Sequence[str], fraction: float, seed: int, targets: Sequence[float] | None = None
) -> Split:
    """Put whole groups aside until they hold about `fraction` of the items.

    groups: the group of each item. targets: severity of each item; with it, the split is the one of 64 random ones
    whose sides are most alike in mean and spread. Both sides get at least one group. Raises ValueError for fewer than
    two groups, or a fraction not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ValueError("the fraction lies between 0 and 1")
    names, member_of, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ValueError("a split needs at least two groups")
    draw = np.random.default_rng(seed)
    draws = [_draw_groups(sizes, fraction * len(groups), draw) for _ in range(1 if targets is None else DRAWS)]
    sides = [np.isin(member_of, chosen) for chosen in draws]
    values = np.zeros(len(groups)) if targets is None else np.asarray(targets, dtype=np.float64)
    aside = min(sides, key=lambda side: _unlikeness(side, values, fraction))
    return Split(tuple(np.flatnonzero(~aside).tolist()), tuple(np.flatnonzero(aside).tolist()))


def folds(groups: Sequence[str], count: int, seed: int) -> tuple[Split, ...]:
    """Cross-validation: each group is in exactly one validation side; largest groups are dealt to the emptiest fold.

    Raises ValueError for fewer groups than folds, or fewer than two folds.
    """
    names, member_of, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if not 2 <= count <= len(names):
        raise ValueError(f"{count} folds can't be made of {len(names)} groups")
    shuffled = np.random.default_rng(seed).permutation(len(names))
    fold_of = np.zeros(len(names), dtype=np.int64)
    filled = np.zeros(count, dtype=np.int64)
    for group in sorted(shuffled.tolist(), key=lambda at: -int(sizes[at])):
        fold_of[group] = int(filled.argmin())
        filled[fold_of[group]] += sizes[group]
    sides = fold_of[member_of]
    return tuple(
        Split(tuple(np.flatnonzero(sides != fold).tolist()), tuple(np.flatnonzero(sides == fold).tolist()))
        for fold in range(count)
    )


def _draw_groups(sizes: NDArray[np.int64], wanted: float, draw: np.random.Generator) -> list[int]:
    """Groups at random that together hold about `wanted` items: never none of them and never all."""
    chosen: list[int] = []
    total = 0
    for group in draw.permutation(len(sizes))[:-1].tolist():
        size = int(sizes[group])
        if chosen and abs(total + size - wanted) > abs(total - wanted):
            continue
        chosen.append(group)
        total += size
        if total >= wanted:
            break
    return chosen


def _unlikeness(aside: NDArray[np.bool_], values: NDArray[np.float64], fraction: float) -> float:
    """Gap between the sides' means and spreads, in deviations, plus how far the share is from the fraction."""
    one, other = values[aside], values[~aside]
    unit = float(values.std()) or 1.0
    apart = abs(one.mean() - other.mean()) + abs(one.std() - other.std())
    return float(apart) / unit + abs(float(aside.mean()) - fraction) / fraction
