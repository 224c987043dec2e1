"""Closed-form linear regression of an image's severity on its views: the whole face, and the mean over its patches.

Each block of features (a stage of a backbone, for either view) is standardised and divided by the square root of its
length, so that blocks weigh alike whatever their length: a sum of linear kernels, one a block. The penalty is chosen by
cross-validation over groups inside the images given. Sources: Hoerl and Kennard 1970 for the estimator; Saunders,
Gammerman and Vovk 1998 for its dual form, which is taken where there are fewer images than features.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlcore.penalised import Fitted, solve
from mlcore.records import PatchVector
from mlcore.standard import CLIP, lengths_of, scale_of, shares_of
from mlcore.views import MIRRORED, Tensors, ViewScore, sides, views

Floats = NDArray[np.float64]
_FACE, _PATCHES = 0, 1


@dataclass(frozen=True, slots=True)
class RidgeConfig:
    """penalties: rising; what is added to the kernel's diagonal, whose mean is about 1. offsets: the rolls and mirror
    images of a patch whose mean vector is taken."""

    penalties: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    offsets: tuple[int, ...] = MIRRORED

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "RidgeConfig":
        """Raises TypeError for unknown fields."""
        return cls(**{name: tuple(values) for name, values in fields.items()})


class Ridge:
    """A fitted regression. Its tensors: per view the features' mean and scale and their coefficients; an intercept."""

    kind: ClassVar[str] = "ridge"

    def __init__(self, config: RidgeConfig, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """tensors: as `tensors()` returned them. Raises KeyError or ValueError where they don't fit together."""
        self.config = config
        self._tensors = {name: np.asarray(value, dtype=np.float32) for name, value in tensors.items()}
        self._intercept = float(self._tensors["intercept"][0])
        self._mean, self._scale, self._slope = (
            self._tensors[name].astype(np.float64) for name in ("mean", "scale", "slope")
        )
        self.dim = int(self._mean.shape[-1])
        if not self._mean.shape == self._scale.shape == self._slope.shape == (2, self.dim):
            raise ValueError("the tensors of a ridge regression do not fit together")

    @property
    def offsets(self) -> tuple[int, ...]:
        return self.config.offsets

    def score(self, vectors: Sequence[PatchVector]) -> tuple[ViewScore, ...]:
        """What each patch says: what the image would be given if all views said the same. Raises ValueError for
        vectors of another length."""
        seen = views(vectors, self.config.offsets)
        if not seen.patches:
            return ()
        if seen.x.shape[1] != self.dim:
            raise ValueError(f"vectors of length {self.dim} expected, not {seen.x.shape[1]}")
        # A kind of view that no training image had is not looked at.
        known = [(view, side) for view, side in enumerate(sides(seen)) if side and np.isfinite(self._scale[view]).any()]
        share = 1 / max(1, len(known))
        said = []
        for view, side in known:
            for at, one in zip(side, self._contributions(view, seen.x[side]), strict=True):
                said.append(ViewScore(seen.patches[at], self._intercept + one / share, share / len(side)))
        return tuple(sorted(said, key=lambda score: score.patch))

    def _contributions(self, view: int, x: NDArray[np.float32]) -> list[float]:
        """Of each vector of a view to the severity; their mean is that of the mean vector, which is clipped."""
        standard = (x.astype(np.float64) - self._mean[view]) / self._scale[view]
        middle = standard.mean(axis=0)
        tame = np.clip(middle, -CLIP, CLIP)
        # Sums over an axis, not matrix products: their order of additions does not depend on the number of rows.
        own: Floats = ((standard - middle + tame) * self._slope[view]).sum(axis=1)
        return [float(value) for value in own]

    def tensors(self) -> Tensors:
        return dict(self._tensors)

    def to_json(self) -> dict[str, Any]:
        return self.config.to_json()


def fit(
    vectors: Sequence[Sequence[PatchVector]],
    y: Floats,
    w: Floats,
    fold_of: NDArray[np.int64],
    blocks: Sequence[int] = (),
    config: RidgeConfig | None = None,
) -> Fitted[Ridge]:
    """Fit by weighted least squares with a penalty, and predict every image from the others.

    vectors: of n images, each with at least one. y, w: (n,) severities and weights above 0. fold_of: (n,) the fold of
    each, 0 … k - 1; images of one group are in one fold. blocks: lengths of the consecutive parts of a vector. The
    penalty for a fold is the one that predicts the other folds best, each from the rest: so nothing about a fold is
    chosen by looking at it. With two folds nothing is left to choose by, and the middle penalty is taken.
    Raises ValueError for empty or unequal inputs, numbers that are not finite, or a single fold.
    """
    config = config or RidgeConfig()
    table = _design(vectors, blocks, config)
    used = table.share.ravel() > 0
    found = solve(table.phi[:, used], y, w, fold_of, config.penalties)
    slope = np.zeros(table.share.size)
    slope[used] = found.slope
    tensors = {
        "mean": table.mean.astype(np.float32),
        "scale": table.scale.astype(np.float32),
        "slope": (slope.reshape(2, -1) * table.share).astype(np.float32),
        "intercept": np.array([found.intercept], dtype=np.float32),
    }
    return Fitted(Ridge(config, tensors), found.out_of_fold, found.penalty)


@dataclass(frozen=True, slots=True)
class _Design:
    """phi: (n, 2 × dim) standardised features, blocks sharing alike. mean, scale, share: (2, dim)."""

    phi: Floats
    mean: Floats
    scale: Floats
    share: Floats


def _design(vectors: Sequence[Sequence[PatchVector]], blocks: Sequence[int], config: RidgeConfig) -> _Design:
    seen = [views(image, config.offsets) for image in vectors]
    if not seen or not all(image.patches for image in seen):
        raise ValueError("every image needs at least one view")
    dim = seen[0].x.shape[1]
    lengths = lengths_of(blocks, dim)
    share = shares_of(lengths)
    phi = np.zeros((len(seen), 2, dim))
    mean, scale, shares = np.zeros((2, dim)), np.full((2, dim), np.inf), np.zeros((2, dim))
    found = [sides(image) for image in seen]
    present = [any(pair[view] for pair in found) for view in (_FACE, _PATCHES)]
    for view in (_FACE, _PATCHES):
        rows = [at for at, pair in enumerate(found) if pair[view]]
        if not rows:
            continue
        # A view that an image lacks stays at 0: what it would be on average.
        own = np.stack([seen[at].x[found[at][view]].mean(axis=0, dtype=np.float64) for at in rows])
        mean[view], scale[view] = own.mean(axis=0), scale_of(own)
        shares[view] = share / np.sqrt(len(lengths) * sum(present))
        phi[rows, view] = np.clip((own - mean[view]) / scale[view], -CLIP, CLIP) * shares[view]
    if not np.all(np.isfinite(phi)):
        raise ValueError("features must be finite")
    return _Design(phi.reshape(len(seen), 2 * dim), mean, scale, shares)
