"""What a panel says of each image: the mean of its grades, with how many there were and how far they spread."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

# (images, raters) float64; NaN where a rater gave no grade.
Grades: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ImageConsensus:
    """value: mean of the n ≥ 1 grades. spread: their standard deviation with n - 1 below, None for a single grade."""

    value: float
    n: int
    spread: float | None


def consensus(grades: ArrayLike) -> tuple[ImageConsensus | None, ...]:
    """The consensus of each image; None for one that nobody graded.

    grades: (images, raters), in units of the scale, NaN = missing. Raises ValueError for another shape or infinity.
    """
    table = checked(grades)
    return tuple(_of_image(row[~np.isnan(row)]) for row in table)


def _of_image(given: NDArray[np.float64]) -> ImageConsensus | None:
    if given.size == 0:
        return None
    spread = float(given.std(ddof=1)) if given.size > 1 else None
    return ImageConsensus(float(given.mean()), int(given.size), spread)


def checked(grades: ArrayLike) -> Grades:
    """The grades as (images, raters) float64. Raises ValueError for another shape or for infinite grades."""
    table = np.asarray(grades, dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"grades are a table of images × raters, not of {table.ndim} dimension(s)")
    if np.any(np.isinf(table)):
        raise ValueError("a grade is infinite")
    return table
