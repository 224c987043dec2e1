"""How vectors are brought to one size before a closed-form model sees them."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlcore.records import Vectors

Floats = NDArray[np.float64]
# Standardised features beyond this many deviations say "unlike all training data", not "ten times as severe".
CLIP: Final = 5.0
_LEAST_SPREAD: Final = 1e-6


def scale_of(x: Vectors | Floats) -> Floats:
    """Standard deviations of (rows, dim) features, (dim,); endless for a feature that never varies: it carries nothing,
    and must not blow up when a later image differs in it."""
    spread = x.std(axis=0, dtype=np.float64)
    return np.where(spread > _LEAST_SPREAD, spread, np.inf)


def lengths_of(blocks: Sequence[int], dim: int) -> tuple[int, ...]:
    """The lengths of a vector's consecutive blocks; one block where none are given. Raises ValueError where they do not
    make up the vector."""
    lengths = tuple(blocks) or (dim,)
    if sum(lengths) != dim:
        raise ValueError(f"blocks of {sum(lengths)} features in vectors of {dim}")
    return lengths


def shares_of(lengths: Sequence[int]) -> Floats:
    """(dim,) one over the square root of each feature's block's length: with it, blocks weigh alike."""
    return np.repeat([length**-0.5 for length in lengths], lengths)
