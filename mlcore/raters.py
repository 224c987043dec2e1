"""Each rater's bias and noise, estimated from who graded what, and targets and weights that allow for them.

The model: an image's severity is t = m + e, where m is what its features predict (or the mean of all), e ~ N(0, s²);
rater j grades it t + b_j + N(0, v_j²). Biases sum to 0 over the raters, as the panel's mean is the truth. Fitted by
expectation and maximisation, after Raykar et al. 2010 (Learning from crowds, JMLR 11, for annotators' precisions around
a regression) and Laird and Ware 1982 (random effects; a bias is shrunk as far as it is uncertain). It works where every
image was graded by one rater, because folds are dealt at random, and where several grades overlap.
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
    """raters: by name. spread: standard deviation of severities around what was predicted of them."""

    raters: Mapping[str, RaterEstimate]
    spread: float

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
        self._images, self._names = images, names
        self._counts = np.bincount(rater_of, minlength=len(names)).astype(np.float64)
        start = max(float(residual.var()), 1e-6)
        self._bias = np.zeros(len(names))
        # Without overlap only the sum of s² and v² can be told; half and half is where it then stays.
        self._noise, self._spread = np.full(len(names), start / 2), start / 2

    def run(self) -> RaterModel:
        for _ in range(ITERATIONS):
            before = self._state()
            self._step()
            if np.abs(self._state() - before).max() < _SETTLED:
                break
        common = float(np.average(self._noise, weights=self._counts))
        self._noise = (self._noise * self._counts + common * _PRIOR_GRADES) / (self._counts + _PRIOR_GRADES)
        estimates = {
            name: RaterEstimate(int(count), float(bias), float(np.sqrt(noise)))
            for name, count, bias, noise in zip(self._names, self._counts, self._bias, self._noise, strict=True)
        }
        return RaterModel(estimates, float(np.sqrt(self._spread)))

    def _state(self) -> Floats:
        return np.concatenate([self._bias, self._noise, [self._spread]])

    def _step(self) -> None:
        precision = 1 / self._noise[self._rater_of]
        level = self._residual.mean() - self._bias[self._rater_of].mean()
        unbiased = self._residual - level - self._bias[self._rater_of]
        variance = 1 / (1 / self._spread + self._of_images(precision))
        middle = variance * self._of_images(precision * unbiased)
        graded = np.unique(self._image_of)
        self._spread = max(float(np.mean(middle[graded] ** 2 + variance[graded])), 1e-6)
        left = self._residual - level - middle[self._image_of]
        bias = self._of_raters(left) / self._counts
        squares = self._of_raters((left - bias[self._rater_of]) ** 2 + variance[self._image_of])
        self._noise = np.maximum(squares / self._counts, 1e-6)
        self._bias = self._shrunk(bias - bias.mean())

    def _shrunk(self, bias: Floats) -> Floats:
        """Pulled to 0 as far as what was seen of a rater is uncertain; biases sum to 0 again."""
        known = self._noise / self._counts
        real = max(float(np.mean(bias**2 - known - self._spread / self._counts)), 0.0)
        # Given the severities, only the noise is left; the rounds bring in what is uncertain of those.
        pulled: Floats = bias * real / (real + known)
        centred: Floats = pulled - pulled.mean()
        return centred

    def _of_images(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self._image_of, values, self._images), dtype=np.float64)

    def _of_raters(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self._rater_of, values, len(self._names)), dtype=np.float64)
