"""How well each rater of a panel agrees with it.

The main figures are on complete cases: the images that every rater graded. Beside them stand the available-case
figures, on all images where a rater's grade can be held against at least one other's. No figure is ever NaN: one that
is not defined for the data is None.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlcore.consensus import Grades, checked
from mlcore.evaluation import pearson

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AvailableCase:
    """The same two errors on the n images that this rater and at least one other graded."""

    n: int
    rmse: float | None
    rmse_to_others: float | None


@dataclass(frozen=True, slots=True)
class RaterAgreement:
    """One rater against the panel, in units of the scale, on the complete cases.

    rmse: to the mean of all raters, this one included (as published). rmse_to_others, pearson_to_others: to the mean
    of the other raters (leave-one-out). bias: mean of grade - mean of the others; above 0 grades more severely.
    graded: images of all that were given which this rater graded.
    """

    graded: int
    rmse: float | None
    rmse_to_others: float | None
    pearson_to_others: float | None
    bias: float | None
    available: AvailableCase


@dataclass(frozen=True, slots=True)
class PanelAgreement:
    """raters: in the order of the table's columns. n_images complete cases of n_total images that were given.

    reason: why the complete-case figures are missing, for people; empty where they are there.
    """

    raters: tuple[RaterAgreement, ...]
    n_images: int
    n_total: int
    reason: str = ""

    @property
    def worst(self) -> int | None:
        """The column of the rater with the largest RMSE as published; the first of equals. None without figures."""
        errors = [rater.rmse for rater in self.raters]
        known = [(error, at) for at, error in enumerate(errors) if error is not None]
        return max(known, key=lambda pair: (pair[0], -pair[1]))[1] if known else None


def rmse_to_panel(grades: ArrayLike) -> PanelAgreement:
    """Every rater's agreement with the panel that they form.

    grades: (images, raters), in units of the scale, NaN = missing. Errors are root mean square errors over images;
    as published, the yardstick is the mean of all raters, and leave-one-out that of the others. With m raters on
    complete cases the first is exactly (m - 1) / m of the second. Raises ValueError for another shape or infinity.
    """
    table = checked(grades)
    n_total, raters = table.shape
    present = ~np.isnan(table)
    complete = table[present.all(axis=1)] if raters else table[:0]
    reason = _why_none(len(complete), raters)
    return PanelAgreement(
        raters=tuple(_of_rater(table, present, complete[:0] if reason else complete, at) for at in range(raters)),
        n_images=len(complete),
        n_total=n_total,
        reason=reason,
    )


def _why_none(complete: int, raters: int) -> str:
    if raters == 0:
        return "Nobody counts in the panel yet."
    if raters == 1:
        return "A panel of one has nobody to agree with."
    if complete == 0:
        return f"No image was graded by all {raters} raters of the panel."
    return ""


def _of_rater(table: Grades, present: NDArray[np.bool_], complete: Grades, at: int) -> RaterAgreement:
    own = complete[:, at]
    others = _mean_of_others(complete, np.ones(complete.shape, dtype=bool), at)
    shared = present[:, at] & (present.sum(axis=1) >= 2)
    rows, there = table[shared], present[shared]
    return RaterAgreement(
        graded=int(present[:, at].sum()),
        rmse=_rmse(own - complete.mean(axis=1)) if len(complete) else None,
        rmse_to_others=_rmse(own - others),
        pearson_to_others=pearson(own, others),
        bias=float(np.mean(own - others)) if len(complete) else None,
        available=AvailableCase(
            n=len(rows),
            rmse=_rmse(rows[:, at] - np.nanmean(rows, axis=1)) if len(rows) else None,
            rmse_to_others=_rmse(rows[:, at] - _mean_of_others(rows, there, at)),
        ),
    )


def _mean_of_others(table: Grades, present: NDArray[np.bool_], at: int) -> Floats:
    """Mean of the grades in every column but `at`, (images,); each row has at least one."""
    theirs = np.delete(table, at, axis=1)
    counted = np.delete(present, at, axis=1)
    sums: Floats = np.where(counted, theirs, 0.0).sum(axis=1)
    means: Floats = sums / np.maximum(counted.sum(axis=1), 1)
    return means


def _rmse(errors: Floats) -> float | None:
    return float(np.sqrt(np.mean(errors**2))) if errors.size else None
