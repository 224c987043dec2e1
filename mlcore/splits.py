"""Splits that keep what belongs together (a person, a cluster of near-duplicates) on one side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Split:
    """Places in the given sequence, rising: those to train on, and those kept for validation."""

    train: tuple[int, ...]
    validation: tuple[int, ...]


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
