"""The model that is saved and that scores: parts, each a regressor on one extractor's views, and their weights.

    severity = clip(Σ weight × part's severity / Σ weight)      over the parts that have a view of the image

The weights come from the predictions that each part made of images it had not seen (`stacked`, after Wolpert 1992 and
Breiman 1996: least squares with weights that are not negative and sum to 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore.extractor import ExtractorConfig
from mlcore.kernel import Kernel, KernelConfig
from mlcore.records import PatchVector
from mlcore.regressor import Regressor, RegressorConfig
from mlcore.ridge import Ridge, RidgeConfig
from mlcore.views import Model, Tensors, ViewScore, combined

Floats = NDArray[np.float64]
# Parts below this share are dropped: their features cost time and change nothing that could be seen.
LEAST_WEIGHT: Final = 0.02
MOST_PARTS: Final = 15


@dataclass(frozen=True, slots=True)
class ImageScore:
    """severity: within the scale. patches: rising, one entry for each patch that any part looked at."""

    severity: float
    patches: tuple[ViewScore, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A model on one extractor's vectors; weight: its share in the ensemble, above 0."""

    extractor: ExtractorConfig
    model: Model
    weight: float


class Ensemble:
    """Immutable once made. The same vectors give the same bits in every process of one machine."""

    def __init__(self, parts: Sequence[Part], levels: Sequence[float], target_mean: float) -> None:
        """levels: the scale's values, rising. target_mean: stands in for a refused image's score in every RMSE."""
        if not parts:
            raise ValueError("an ensemble needs at least one part")
        self.parts = tuple(parts)
        self.levels = tuple(float(level) for level in levels)
        self.target_mean = float(target_mean)

    @property
    def extractors(self) -> tuple[ExtractorConfig, ...]:
        """Those whose vectors it needs, each once."""
        return tuple({part.extractor.id: part.extractor for part in self.parts}.values())

    def offsets(self, extractor_id: str) -> tuple[int, ...]:
        """The offsets at which it wants every patch of that extractor when it scores, rising."""
        wanted = [part.model.offsets for part in self.parts if part.extractor.id == extractor_id]
        return tuple(sorted({offset for offsets in wanted for offset in offsets}))

    def predict(self, images: Sequence[Mapping[str, Sequence[PatchVector]]]) -> list[ImageScore | None]:
        """Score images, each given as its vectors by extractor id; None where no part has anything to look at.

        Each image is scored by itself, so what else is in the list changes no bit of its score.
        """
        return [self._score(image) for image in images]

    def _score(self, image: Mapping[str, Sequence[PatchVector]]) -> ImageScore | None:
        said = [(part, part.model.score(image.get(part.extractor.id, ()))) for part in self.parts]
        said = [(part, scores) for part, scores in said if scores]
        if not said:
            return None
        total = sum(part.weight for part, _ in said)
        severity = sum(part.weight / total * combined(scores) for part, scores in said)
        pooled: dict[int, list[tuple[float, float]]] = {}
        for part, scores in said:
            for one in scores:
                pooled.setdefault(one.patch, []).append((part.weight / total * one.weight, one.score))
        patches = []
        for patch in sorted(pooled):
            weight = sum(share for share, _ in pooled[patch])
            patches.append(ViewScore(patch, sum(share * score for share, score in pooled[patch]) / weight, weight))
        return ImageScore(float(np.clip(severity, self.levels[0], self.levels[-1])), tuple(patches))

    def tensors(self) -> Tensors:
        """All that has been learned, by name; the parts' names begin with part0., part1., …"""
        return {
            f"part{at}.{name}": value
            for at, part in enumerate(self.parts)
            for name, value in part.model.tensors().items()
        }

    def to_json(self) -> dict[str, Any]:
        """All else that is needed to rebuild it, as plain JSON."""
        return {
            "levels": list(self.levels),
            "target_mean": self.target_mean,
            "parts": [
                {
                    "kind": part.model.kind,
                    "weight": part.weight,
                    "extractor": asdict(part.extractor),
                    "config": part.model.to_json(),
                }
                for part in self.parts
            ],
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], tensors: Mapping[str, NDArray[np.float32]]) -> "Ensemble":
        """What `to_json` and `tensors` gave. Raises KeyError, TypeError, ValueError or ExtractorMismatch where they do
        not fit together."""
        parts = []
        for at, part in enumerate(fields["parts"]):
            own = {
                name.removeprefix(f"part{at}."): value
                for name, value in tensors.items()
                if name.startswith(f"part{at}.")
            }
            extractor = ExtractorConfig.from_json(part["extractor"])
            parts.append(Part(extractor, _model(part["kind"], part["config"], own), float(part["weight"])))
        return cls(parts, fields["levels"], fields["target_mean"])


def _model(kind: str, config: Mapping[str, Any], tensors: Tensors) -> Model:
    if kind == Ridge.kind:
        return Ridge(RidgeConfig.from_json(config), tensors)
    if kind == Kernel.kind:
        return Kernel(KernelConfig.from_json(config), tensors)
    if kind == Regressor.kind:
        return Regressor(RegressorConfig.from_json(config), tensors)
    raise ValueError(f"there is no kind of model called {kind!r}")


def stacked(predictions: Floats, truth: Floats) -> Floats:
    """The weights, (parts,), not negative and with sum 1, whose mix of predictions has the least squared error.

    predictions: (images, parts), each of an image that the part had not seen; truth: (images,). Every subset of the
    parts is tried, so the answer is exact; of equals the smaller subset. Raises ValueError for no images or parts, more
    than 15 parts, or numbers that are not finite.
    """
    n, count = predictions.shape
    if n == 0 or not 1 <= count <= MOST_PARTS or truth.shape != (n,):
        raise ValueError(f"{n} images × {count} parts can't be stacked against {truth.shape} true values")
    if not (np.all(np.isfinite(predictions)) and np.all(np.isfinite(truth))):
        raise ValueError("predictions and truth must be finite")
    errors = predictions - truth[:, None]
    # With weights that sum to 1, the mix's error is the mix of the errors.
    square = errors.T @ errors / n
    best = (float("inf"), np.zeros(count))
    for size in range(1, count + 1):
        for chosen in combinations(range(count), size):
            weights = _on_simplex(square[np.ix_(chosen, chosen)])
            if weights is None:
                continue
            loss = float(weights @ square[np.ix_(chosen, chosen)] @ weights)
            if loss < best[0] * (1 - 1e-9):
                full = np.zeros(count)
                full[list(chosen)] = weights
                best = (loss, full)
    return best[1]


def _on_simplex(square: Floats) -> Floats | None:
    """The stationary point of w' square w with sum 1; None where it has a weight below 0."""
    # Parts that are equal make the matrix singular; a trace of a ridge then shares the weight between them.
    steady = square + np.eye(len(square)) * (1e-9 * float(np.trace(square)) / len(square) + 1e-300)
    weights = np.linalg.solve(steady, np.ones(len(square)))
    if not np.all(np.isfinite(weights)) or np.any(weights <= 0):
        return None
    shares: Floats = weights / weights.sum()
    return shares


def without_idle(weights: Floats) -> Floats:
    """The same weights with those below the least share at 0, the rest scaled to sum to 1."""
    kept = np.where(weights >= LEAST_WEIGHT, weights, 0.0)
    shares: Floats = kept / kept.sum()
    return shares
