"""Penalised least squares, with the penalty chosen by cross-validation over groups inside the images given.

Hoerl and Kennard 1970 for the estimator; Saunders, Gammerman and Vovk 1998 for its dual form, which is taken where
there are fewer images than features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Fitted(Generic[M]):
    """model: fitted on all images. out_of_fold: (n,) each image's prediction by a fit without its fold, whose penalty
    was chosen without its fold too. penalty: the model's."""

    model: M
    out_of_fold: Floats
    penalty: float


@dataclass(frozen=True, slots=True)
class Solution:
    """slope: (features,) and intercept: of the fit to all images. out_of_fold: (n,) each image's prediction by a fit
    without its fold, whose penalty was chosen without its fold too. penalty: of the fit to all."""

    slope: Floats
    intercept: float
    out_of_fold: Floats
    penalty: float


def solve(phi: Floats, y: Floats, w: Floats, fold_of: NDArray[np.int64], penalties: Sequence[float]) -> Solution:
    """Fit by weighted least squares with a penalty, and predict every image from the others.

    phi: (n, features). y, w: (n,) severities and weights above 0. fold_of: (n,) the fold of each, any whole numbers;
    images of one group are in one fold. penalties: rising. The penalty for a fold is the one that predicts the other
    folds best, each from the rest: so nothing about a fold is chosen by looking at it. With two folds nothing is left
    to choose by, and the middle penalty is taken. Raises ValueError for empty or unequal inputs, numbers that are not
    finite, or a single fold.
    """
    names, fold_of = np.unique(fold_of, return_inverse=True)
    count = len(names)
    if not len(phi) == len(y) == len(w) == len(fold_of) or count < 2:
        raise ValueError("features, severities, weights and folds must be of one length, in at least two folds")
    if not (np.all(np.isfinite(y)) and np.all(np.isfinite(w)) and np.all(w > 0)):
        raise ValueError("severities and weights must be finite, and weights above 0")
    if not np.all(np.isfinite(phi)):
        raise ValueError("features must be finite")
    solver = _Solver(phi, y, w / w.mean(), fold_of)
    errors = _inner_errors(solver, count, penalties)
    out_of_fold = np.zeros(len(y))
    for fold in range(count):
        rows = fold_of == fold
        out_of_fold[rows] = solver.predict((fold,), (_best(errors[fold], penalties),))[0][rows]
    penalty = _best(errors.sum(axis=0), penalties)
    slope, intercept = solver.slope(penalty)
    return Solution(slope, intercept, out_of_fold, penalty)


def _best(errors: Floats, penalties: Sequence[float]) -> float:
    return penalties[int(errors.argmin())] if np.any(errors > 0) else penalties[len(penalties) // 2]


def _inner_errors(solver: "_Solver", count: int, penalties: Sequence[float]) -> Floats:
    """(folds, penalties): the squared error on all other folds, each predicted without it and without that fold."""
    errors = np.zeros((count, len(penalties)))
    for one, other in combinations(range(count), 2) if count > 2 else ():
        # A fit without both serves both: what is chosen for the one, by the error on the other.
        squares = solver.w * (solver.predict((one, other), penalties) - solver.y) ** 2
        errors[one] += squares[:, solver.fold_of == other].sum(axis=1)
        errors[other] += squares[:, solver.fold_of == one].sum(axis=1)
    return errors


class _Solver:
    """Fits on some of the images, in whichever form is smaller; products of all images are made once."""

    def __init__(self, phi: Floats, y: Floats, w: Floats, fold_of: NDArray[np.int64]) -> None:
        self.y, self.w, self.fold_of = y, w, fold_of
        self._phi = phi
        self._dual = len(phi) <= phi.shape[1]
        if self._dual:
            self._kernel = phi @ phi.T
        else:
            # One product a fold: that of any other folds is a sum.
            self._squares = [self._square(fold_of == fold) for fold in range(int(fold_of.max()) + 1)]

    def predict(self, without: Sequence[int], penalties: Sequence[float]) -> Floats:
        """(penalties, images): severities by fits on the folds that are left."""
        kept = ~np.isin(self.fold_of, without)
        middle = self._middle(kept)
        if self._dual:
            return np.stack([self._kernel[:, kept] @ self._alpha(kept, penalty) + middle for penalty in penalties])
        return np.stack([self._phi @ self._beta(kept, penalty) + middle for penalty in penalties])

    def slope(self, penalty: float) -> tuple[Floats, float]:
        """Coefficients of phi, and the intercept, of the fit on all images."""
        everything = np.ones(len(self.y), dtype=bool)
        beta = self._phi.T @ self._alpha(everything, penalty) if self._dual else self._beta(everything, penalty)
        return beta, self._middle(everything)

    def _middle(self, kept: NDArray[np.bool_]) -> float:
        return float(np.average(self.y[kept], weights=self.w[kept]))

    def _alpha(self, kept: NDArray[np.bool_], penalty: float) -> Floats:
        """(K + penalty / w) alpha = y - mean: one number per image kept."""
        matrix = self._kernel[np.ix_(kept, kept)] + np.diag(penalty / self.w[kept])
        return np.asarray(np.linalg.solve(matrix, self.y[kept] - self._middle(kept)), dtype=np.float64)

    def _beta(self, kept: NDArray[np.bool_], penalty: float) -> Floats:
        """(phi' w phi + penalty) beta = phi' w (y - mean): one number per feature."""
        folds = np.unique(self.fold_of[kept])
        matrix: Floats = np.eye(self._phi.shape[1]) * penalty
        for fold in folds:
            matrix += self._squares[fold]
        right = self._phi[kept].T @ (self.w[kept] * (self.y[kept] - self._middle(kept)))
        return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)

    def _square(self, rows: NDArray[np.bool_]) -> Floats:
        square: Floats = (self._phi[rows].T * self.w[rows]) @ self._phi[rows]
        return square
