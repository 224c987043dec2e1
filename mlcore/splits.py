"""Splits that keep what belongs together (a person, a cluster of near-duplicates) on one side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Split:
    """Places in the given sequence, rising: those to train on, and those kept for validation."""

    train: tuple[int, ...]
    validation: tuple[int, ...]


def validation_split(
    groups: Sequence[str], fraction: float, seed: int, targets: Sequence[float] | None = None
) -> Split:
    """Put whole groups aside until they hold about `fraction` of the items.

    groups: the group of each item. targets: severity of each item; with it, groups are first ordered by their mean
    and one is drawn from each run of neighbours, so that both sides have about the same mix. Both sides get at least
    one group. Raises ValueError for fewer than two groups, or a fraction not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ValueError("the fraction lies between 0 and 1")
    names = sorted(set(groups))
    if len(names) < 2:
        raise ValueError("a split needs at least two groups")
    places = {name: at for at, name in enumerate(names)}
    member_of = np.array([places[group] for group in groups])
    draw = np.random.default_rng(seed)
    order = _stratified_order(member_of, len(names), fraction, targets, draw)
    sizes = np.bincount(member_of, minlength=len(names))
    chosen = _take(order, sizes, fraction * len(groups))
    aside = np.isin(member_of, chosen)
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


def _stratified_order(
    member_of: NDArray[np.int64],
    count: int,
    fraction: float,
    targets: Sequence[float] | None,
    draw: np.random.Generator,
) -> list[int]:
    """All groups, those to put aside first."""
    shuffled = draw.permutation(count)
    if targets is None:
        return [int(group) for group in shuffled]
    sums = np.bincount(member_of, weights=np.asarray(targets, dtype=np.float64), minlength=count)
    means = sums / np.bincount(member_of, minlength=count)
    # A stable sort of the shuffled groups leaves equal means in random order.
    ranked = shuffled[np.argsort(means[shuffled], kind="stable")]
    run = max(2, round(1 / fraction))
    stretches = [ranked[at : at + run] for at in range(0, count, run)]
    first = [int(draw.choice(stretch)) for stretch in stretches]
    picked = set(first)
    rest = [int(group) for group in shuffled if int(group) not in picked]
    return [*[first[at] for at in draw.permutation(len(first))], *rest]


def _take(order: list[int], sizes: NDArray[np.int64], wanted: float) -> list[int]:
    """The first groups of the order that bring the total nearest to `wanted`, never none and never all."""
    chosen: list[int] = []
    total = 0
    for group in order[:-1]:
        size = int(sizes[group])
        if chosen and abs(total + size - wanted) > abs(total - wanted):
            continue
        chosen.append(group)
        total += size
        if total >= wanted:
            break
    return chosen
