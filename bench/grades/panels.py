"""A model held against the very panels that each rater is held against: the mean of all raters but one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """RMSE in grades to the mean of the raters without one: the model's, and that of the rater left out."""

    model: float
    rater: float


def rmse(one: Floats, other: Floats) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2)))


def leave_one_out(predicted: Floats, grades: Floats) -> tuple[LeftOut, ...]:
    """For each rater, in the order of the columns. predicted: (images,); grades: (images, raters), none missing."""
    panels = [np.delete(grades, rater, axis=1).mean(axis=1) for rater in range(grades.shape[1])]
    return tuple(LeftOut(rmse(predicted, panel), rmse(grades[:, at], panel)) for at, panel in enumerate(panels))


def worst_panel(predicted: Floats, grades: Floats) -> float:
    """The model's largest RMSE to a panel that leaves one rater out."""
    return max(left.model for left in leave_one_out(predicted, grades))
