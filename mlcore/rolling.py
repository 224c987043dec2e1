"""How often each patch is rolled, and how much each of its copies weighs, so that the classes balance.

As published, the largest class is rolled twice and smaller ones more often, but counted over the patches that exist
rather than over all labelled images. Offsets come from a fixed grid (twelfths of the patch) in a fixed order, so a new
label, which shifts the balance, asks for a few more offsets and never makes an old one useless; weights do the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlcore.evaluation import levels_of

# Any first few of these lie well spread over the twelve steps.
GRID: Final = (0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11)
STEPS: Final = len(GRID)
ROLLS_OF_LARGEST: Final = 2


@dataclass(frozen=True, slots=True)
class Rolls:
    """For one image: the offsets at which each of its patches is used, and the weight of every such sample."""

    offsets: tuple[int, ...]
    weight: float


def plan(
    targets: Sequence[float],
    patch_counts: Sequence[int],
    levels: Sequence[float],
    *,
    feels_rolls: bool = True,
    balance: float = 1.0,
) -> tuple[Rolls, ...]:
    """Plan the rolls of training images, in their order; call it after the split, with training images only.

    targets: severity per image; its class is the nearest level. patch_counts: patches found per image; images
    without any count for nothing and get no offsets. feels_rolls: False for a backbone such as `texture`, whose
    features hardly change when a patch is rolled: then nothing is rolled, and the weights alone balance. balance: 1
    makes all classes weigh the same, 0 leaves their natural shares; between them, shares to the power 1 - balance.
    The weights average 1 over the samples. Raises ValueError for unequal lengths or a balance outside 0 … 1.
    """
    if len(targets) != len(patch_counts):
        raise ValueError(f"{len(targets)} targets for {len(patch_counts)} patch counts")
    if not 0 <= balance <= 1:
        raise ValueError("balance lies between 0 and 1")
    counts = np.asarray(patch_counts, dtype=np.int64)
    classes = levels_of(targets, levels)
    existing = np.bincount(classes, weights=counts, minlength=len(levels)).astype(np.float64)
    copies = _copies(existing) if feels_rolls else np.ones(len(levels), dtype=np.int64)
    weights = _weights(existing, copies, balance)
    return tuple(
        Rolls(GRID[: copies[level]], float(weights[level])) if count else Rolls((), 0.0)
        for level, count in zip(classes, counts, strict=True)
    )


def _copies(existing: NDArray[np.float64]) -> NDArray[np.int64]:
    """Versions of each patch, the unrolled one included, by class: 3 for the largest, twice or four times that for
    smaller ones. In such wide steps a few new labels rarely ask for another offset of every image of a class; weights
    make up for the rest."""
    rarity = existing.max(initial=0) / np.maximum(existing, 1)
    doublings = np.digitize(rarity, (2**0.5, 2**1.5))
    copies: NDArray[np.int64] = (1 + ROLLS_OF_LARGEST) * 2 ** doublings.astype(np.int64)
    return copies


def _weights(existing: NDArray[np.float64], copies: NDArray[np.int64], balance: float) -> NDArray[np.float64]:
    samples = existing * copies
    present = samples > 0
    shares = np.zeros(len(existing))
    shares[present] = existing[present] ** (1 - balance)
    if not present.any():
        return shares
    weights = np.divide(shares, samples, out=np.zeros(len(existing)), where=present)
    scaled: NDArray[np.float64] = weights * samples.sum() / shares.sum()
    return scaled
