"""How often the published recipe rolls a patch, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from mlcore.records import Pixels, Region

ROLLS_OF_LARGEST = 2


def roll_times(classes: Sequence[int]) -> Mapping[int, int]:
    """Rolls of each patch by its image's class, beside the patch as it is.

    classes: of all labelled images, whether or not a face was found in them; their own notes call that a bug. With r
    the largest class's size over a class's own, ⌊r⌋ - 1 + 2 rolls; 2 for the largest.
    """
    counts = Counter(classes)
    largest = max(counts.values(), default=0)
    return {of: largest // count - 1 + ROLLS_OF_LARGEST for of, count in counts.items()}


def rolled(piece: Pixels, region: Region, times: int) -> list[Pixels]:
    """The piece as it is, then rolled by equal steps: a forehead from right to left, others from the bottom up."""
    axis = 1 if region is Region.FOREHEAD else 0
    step = piece.shape[axis] // (times + 1)
    return [np.roll(piece, -step * turn, axis=axis) for turn in range(times + 1)]
