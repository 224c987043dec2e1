"""What a set of predictions is worth, against a truth and against the panels that each rater is held against."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlcore.evaluation import leave_one_out

Floats = NDArray[np.float64]


def rmse(one: Floats, other: Floats) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2)))


def against_panels(predicted: Floats, grades: Floats) -> list[float]:
    """The model's RMSE to the mean of all raters but one, for each rater left out; NaN without images."""
    return [_known(one.model_rmse) for one in leave_one_out(predicted, grades)]


def raters_against_panels(grades: Floats) -> list[float]:
    """Each rater's RMSE to the mean of the others; NaN without images."""
    return [_known(one.rater_rmse) for one in leave_one_out(grades.mean(axis=1), grades)]


def _known(figure: float | None) -> float:
    return float("nan") if figure is None else figure
