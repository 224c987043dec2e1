"""Each rater's bias and noise, estimated from who graded what, and targets and weights that allow for them.

The model: an image's severity is t = m + e, where m is what its features predict (or the mean of all), e ~ N(0, s²);
rater j grades it t + b_j + N(0, v_j²). Biases sum to 0 over the raters, as the panel's mean is the truth. Fitted by
expectation and maximisation, after Raykar et al. 2010 (Learning from crowds, JMLR 11, for annotators' precisions around
a regression), Laird and Ware 1982 (random effects; a bias is shrunk as far as it is uncertain) and Henderson 1975 (best
linear unbiased prediction, for the biases). It works where every image was graded by one rater, because folds are dealt
at random, and where several grades overlap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlcore.records import Rating

Floats = NDArray[np.float64]
ITERATIONS: Final = 1000
_SETTLED: Final = 1e-7
MIN_SEVERAL: Final = 30
# A rater of a few grades can agree by chance; noise is pulled to the panel's as if by this many grades.
_PRIOR_GRADES: Final = 20.0


@dataclass(frozen=True, slots=True)
class RaterEstimate:
    """bias: above 0 grades more severely than the panel. noise: standard deviation; both in units of the scale."""

    grades: int
    bias: float
    noise: float


@dataclass(frozen=True, slots=True)
class RaterModel:
    """raters: by name. spread: standard deviation of severities around what was predicted of them. several: how many
    images more than one rater graded."""

    raters: Mapping[str, RaterEstimate]
    spread: float
    several: int

    @property
    def tells_noise(self) -> bool:
        """Whether noise is known apart from spread. Where images have one grade each, only their sum is; targets and
        weights need no more."""
        return self.several >= MIN_SEVERAL

    def target(self, ratings: Sequence[Rating]) -> tuple[float, float]:
        """An image's severity by its n ≥ 1 grades, biases taken off and precise raters counting more, and its weight:
        one over the variance of that around what features can predict. Raises KeyError for an unknown rater."""
        known = [self.raters[rating.rater] for rating in ratings]
        precision = np.array([one.noise**-2 for one in known])
        unbiased = [rating.level - one.bias for rating, one in zip(ratings, known, strict=True)]
        return float(np.average(unbiased, weights=precision)), float(1 / (self.spread**2 + 1 / precision.sum()))


def estimate(ratings: Sequence[Sequence[Rating]], predicted: Floats) -> RaterModel:
    """Estimate from the grades of n images, (n,) predictions of which come from features alone, each by a model that
    did not see that image's grades. Raises ValueError for no grades, unequal lengths, or numbers that are not finite.
    """
    flat = [(at, rating) for at, given in enumerate(ratings) for rating in given]
    names = sorted({rating.rater for _, rating in flat})
    if not flat or len(ratings) != len(predicted):
        raise ValueError(f"{len(flat)} grades of {len(ratings)} images, {len(predicted)} predictions")
    image_of = np.array([at for at, _ in flat])
    rater_of = np.array([names.index(rating.rater) for _, rating in flat])
    grade = np.array([rating.level for _, rating in flat])
    if not (np.all(np.isfinite(grade)) and np.all(np.isfinite(predicted))):
        raise ValueError("grades and predictions must be finite")
    return _Fit(image_of, rater_of, grade - predicted[image_of], len(ratings), names).run()


class _Fit:
    """Expectation and maximisation over (grades,) arrays: image, rater, and grade less what was predicted."""

    def __init__(
        self,
        image_of: NDArray[np.int64],
        rater_of: NDArray[np.int64],
        residual: Floats,
        images: int,
        names: Sequence[str],
    ) -> None:
        self._image_of, self._rater_of, self._residual = image_of, rater_of, residual
        self._names = names
        self._given = np.zeros((images, len(names)))
        np.add.at(self._given, (image_of, rater_of), 1.0)
        self._graded = self._given.any(axis=1)
        self._counts = self._given.sum(axis=0)
        start = max(float(residual.var()), 1e-6)
        self._bias = np.zeros(len(names))
        # Without overlap only the sum of s² and v² can be told; half and half is where it then stays.
        self._noise, self._spread = np.full(len(names), start / 2), start / 2
        self._leaning = start / 4  # the variance of biases

    def run(self) -> RaterModel:
        for _ in range(ITERATIONS):
            before = self._state()
            self._step()
            if np.abs(self._state() - before).max() < _SETTLED:
                break
        estimates = {
            name: RaterEstimate(int(count), float(bias), float(np.sqrt(noise)))
            for name, count, bias, noise in zip(self._names, self._counts, self._bias, self._noise, strict=True)
        }
        several = int(np.count_nonzero(np.count_nonzero(self._given, axis=1) > 1))
        return RaterModel(estimates, float(np.sqrt(self._spread)), several)

    def _state(self) -> Floats:
        return np.concatenate([self._bias, self._noise, [self._spread, self._leaning]])

    def _step(self) -> None:
        precision = 1 / self._noise
        variance = 1 / (1 / self._spread + self._given @ precision)
        level = self._lean(precision, variance)
        left = self._residual - level - self._bias[self._rater_of]
        middle = variance * self._of_images(precision[self._rater_of] * left)
        self._spread = max(float(np.mean((middle**2 + variance)[self._graded])), 1e-6)
        squares = (left - middle[self._image_of]) ** 2 + variance[self._image_of]
        sums = self._of_raters(squares)
        common = sums.sum() / self._counts.sum()
        self._noise = np.maximum((sums + common * _PRIOR_GRADES) / (self._counts + _PRIOR_GRADES), 1e-6)

    def _lean(self, precision: Floats, variance: Floats) -> float:
        """Put the biases at their best guess, each image's severity integrated out. Returns the level of all grades.

        Henderson's equations, with a grade's residual = level + bias of its rater + severity of its image + noise.
        """
        weighted = self._given * precision
        matrix = np.diag(weighted.sum(axis=0)) - weighted.T @ (weighted * variance[:, None])
        precise = precision[self._rater_of] * self._residual
        right = self._of_raters(precise) - weighted.T @ (variance * self._of_images(precise))
        rows = matrix.sum(axis=0)
        system = np.block([[rows.sum(), rows], [rows[:, None], matrix + np.eye(len(rows)) / self._leaning]])
        inverse = np.linalg.inv(system)
        solution: Floats = inverse @ np.concatenate([[right.sum()], right])
        self._bias = solution[1:]
        self._leaning = max(float(np.mean(self._bias**2 + np.diag(inverse)[1:])), 1e-6)
        return float(solution[0])

    def _of_images(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self._image_of, values, len(self._given)), dtype=np.float64)

    def _of_raters(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self._rater_of, values, len(self._names)), dtype=np.float64)
