"""Regression of an image's severity on its views with a Gaussian kernel: what a patch says bends with what it shows.

An image is the mean over its patches of their images under the kernel, and the whole face is one more such view, so its
severity is exactly the mean of what its patches say. The kernel is approximated by waves of random direction and length
(Rahimi and Recht 2007, Random features for large-scale kernel machines), so a fitted model holds sums over all training
patches and no patch of any one image. Sources: Smola et al. 2007 and Muandet et al. 2012 for means under a kernel.

Blocks of features are standardised and weigh alike, as in `mlcore.ridge`, and are first projected on the directions in
which patches differ most, which leaves out little and makes waves short. A wave's length is relative to the median
distance between two patches.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from mlcore.penalised import Fitted, solve
from mlcore.records import PatchVector
from mlcore.standard import CLIP, lengths_of, scale_of, shares_of
from mlcore.views import MIRRORED, Tensors, Views, ViewScore, sides, views

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
# Patches that directions and distances are taken from; more change them little.
_SAMPLE: Final = 600
# Rows whose waves are held at once.
_CHUNK: Final = 1024
_FACE: Final = "face"
_PATCHES: Final = "patches"
_KINDS: Final = (_FACE, _PATCHES)


@dataclass(frozen=True, slots=True)
class KernelConfig:
    """penalties: rising; what is added to the kernel's diagonal. offsets: the rolls and mirror images of a patch whose
    mean vector is taken. bend: how fast the kernel falls, exp(-bend × squared distance / its median). components:
    directions that are kept, at most. waves: pairs of cosine and sine, of either view. seed: of their directions."""

    penalties: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    offsets: tuple[int, ...] = MIRRORED
    bend: float = 0.1
    components: int = 256
    waves: int = 2048
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "KernelConfig":
        """Raises TypeError for unknown fields."""
        return cls(**{**fields, "penalties": tuple(fields["penalties"]), "offsets": tuple(fields["offsets"])})


@dataclass(frozen=True, slots=True)
class _Lift:
    """From a vector to its waves. mean, scale: (dim,). axes: (dim, components), with the blocks' shares in them. waves:
    (components, pairs)."""

    mean: Singles
    scale: Singles
    axes: Singles
    waves: Singles

    def standard(self, x: Singles) -> Floats:
        """(…, dim) to (…, dim), standardised and within bounds."""
        return np.clip((x.astype(np.float64) - self.mean) / self.scale, -CLIP, CLIP)

    def one(self, x: Singles) -> Floats:
        """(dim,) to (2 × pairs,). Sums in a fixed order, as products of matrices depend on threads and rows."""
        angles = np.einsum("k,km->m", np.einsum("d,dk->k", self.standard(x), self.axes), self.waves)
        return self._bent(angles)

    def many(self, x: Singles) -> Floats:
        """(rows, dim) to (rows, 2 × pairs), fast; the last bits may differ from `one`'s."""
        return self._bent(self.standard(x) @ self.axes @ self.waves)

    def _bent(self, angles: Floats) -> Floats:
        both: Floats = np.concatenate([np.cos(angles), np.sin(angles)], axis=-1) / np.sqrt(self.waves.shape[1])
        return both


@dataclass(frozen=True, slots=True)
class _Side:
    """One kind of view. slope: (2 × pairs,). level: what an average patch's waves come to, which is taken off."""

    lift: _Lift
    slope: Singles
    level: float

    def says(self, x: Singles) -> float:
        return float((self.lift.one(x) * self.slope).sum() - self.level)


class Kernel:
    """A fitted regression. Its tensors: an intercept, and for each kind of view that it knows what `_Side` holds."""

    kind: ClassVar[str] = "kernel"

    def __init__(self, config: KernelConfig, tensors: Mapping[str, Singles]) -> None:
        """tensors: as `tensors()` returned them. Raises KeyError or ValueError where they don't fit together."""
        self.config = config
        # Laid out as they are read from a file: products of otherwise laid out arrays differ in their last bits.
        self._tensors = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in tensors.items()}
        self._intercept = float(self._tensors["intercept"][0])
        self._sides = {kind: self._side(kind) for kind in _KINDS if f"{kind}.slope" in self._tensors}
        if not self._sides:
            raise ValueError("a kernel regression without any view")
        self.dim = len(next(iter(self._sides.values())).lift.mean)

    def _side(self, kind: str) -> _Side:
        mean, scale, axes, waves, slope = (
            self._tensors[f"{kind}.{name}"] for name in ("mean", "scale", "axes", "waves", "slope")
        )
        dim, components = axes.shape
        if not (mean.shape == scale.shape == (dim,) and waves.shape == (components, len(slope) // 2)):
            raise ValueError("the tensors of a kernel regression do not fit together")
        return _Side(_Lift(mean, scale, axes, waves), slope, float(self._tensors[f"{kind}.level"][0]))

    @property
    def offsets(self) -> tuple[int, ...]:
        return self.config.offsets

    def score(self, vectors: Sequence[PatchVector]) -> tuple[ViewScore, ...]:
        """What each patch says: what the image would be given if all its views said the same. Raises ValueError for
        vectors of another length."""
        seen = views(vectors, self.config.offsets)
        if not seen.patches:
            return ()
        if seen.x.shape[1] != self.dim:
            raise ValueError(f"vectors of length {self.dim} expected, not {seen.x.shape[1]}")
        places = {kind: at for kind, at in _places(seen).items() if at and kind in self._sides}
        said = [
            ViewScore(
                seen.patches[at],
                self._intercept + len(places) * self._sides[kind].says(seen.x[at]),
                1 / (len(places) * len(rows)),
            )
            for kind, rows in places.items()
            for at in rows
        ]
        return tuple(sorted(said, key=lambda score: score.patch))

    def tensors(self) -> Tensors:
        return dict(self._tensors)

    def to_json(self) -> dict[str, Any]:
        return self.config.to_json()


def _places(seen: Views) -> dict[str, list[int]]:
    return dict(zip(_KINDS, sides(seen), strict=True))


def fit(
    vectors: Sequence[Sequence[PatchVector]],
    y: Floats,
    w: Floats,
    fold_of: NDArray[np.int64],
    blocks: Sequence[int] = (),
    config: KernelConfig | None = None,
) -> Fitted[Kernel]:
    """Fit to all images, and predict each from the others; takes and raises what `mlcore.ridge.fit` does.

    Where patches lie, and in which directions they differ, is taken from all images, their severities from none but
    those that a fold is predicted by.
    """
    config = config or KernelConfig()
    seen = [views(image, config.offsets) for image in vectors]
    if not seen or not all(image.patches for image in seen):
        raise ValueError("every image needs at least one view")
    places = [_places(image) for image in seen]
    known = [kind for kind in _KINDS if any(at[kind] for at in places)]
    tensors: Tensors = {}
    designs = []
    for number, kind in enumerate(known):
        rows = [image.x[at[kind]] for image, at in zip(seen, places, strict=True)]
        lift = _lift(np.concatenate([own for own in rows if len(own)]), blocks, config, number)
        design, middle = _design(rows, lift)
        designs.append(design)
        tensors |= {f"{kind}.{name}": getattr(lift, name) for name in ("mean", "scale", "axes", "waves")}
        tensors[f"{kind}.middle"] = middle.astype(np.float32)
    found = solve(np.concatenate(designs, axis=1), y, w, fold_of, config.penalties)
    for kind, slope in zip(known, np.split(found.slope, len(known)), strict=True):
        middle = tensors.pop(f"{kind}.middle").astype(np.float64)
        tensors[f"{kind}.slope"] = slope.astype(np.float32)
        tensors[f"{kind}.level"] = np.array([middle @ slope], dtype=np.float32)
    tensors["intercept"] = np.array([found.intercept], dtype=np.float32)
    return Fitted(Kernel(config, tensors), found.out_of_fold, found.penalty)


def _lift(x: Singles, blocks: Sequence[int], config: KernelConfig, number: int) -> _Lift:
    """Made for the vectors of one kind of view, (rows, dim)."""
    dim = x.shape[1]
    lengths = lengths_of(blocks, dim)
    if not np.all(np.isfinite(x)):
        raise ValueError("features must be finite")
    share = shares_of(lengths) / np.sqrt(len(lengths))
    mean, scale = x.mean(axis=0, dtype=np.float64), scale_of(x)
    draw = np.random.default_rng([config.seed, number])
    sample = x[np.sort(draw.permutation(len(x))[:_SAMPLE])]
    standard = np.clip((sample - mean) / scale, -CLIP, CLIP) * share
    _, _, directions = np.linalg.svd(standard, full_matrices=False)
    directions = directions[: config.components]
    length = np.sqrt(2 * config.bend / _median_distance(standard @ directions.T))
    waves = draw.normal(size=(len(directions), config.waves)) * length
    axes = share[:, None] * directions.T
    return _Lift(*(part.astype(np.float32) for part in (mean, scale, axes, waves)))


def _median_distance(points: Floats) -> float:
    """The median squared distance between two different points; 1 where all are one."""
    squares = (points**2).sum(axis=1)
    apart = squares[:, None] + squares[None, :] - 2 * points @ points.T
    pairs = apart[np.triu_indices(len(points), 1)]
    median = float(np.median(pairs)) if len(pairs) else 0.0
    return median if median > 1e-12 else 1.0


def _design(rows: Sequence[Singles], lift: _Lift) -> tuple[Floats, Floats]:
    """(images, 2 × pairs): each image's mean over its rows, less the mean of all images, which is the second; 0 for an
    image that lacks this kind of view: what it would be on average."""
    design = np.zeros((len(rows), 2 * lift.waves.shape[1]))
    for images in _chunks(rows):
        bent = lift.many(np.concatenate([rows[at] for at in images]))
        starts = np.cumsum([0, *(len(rows[at]) for at in images[:-1])])
        sizes = np.array([len(rows[at]) for at in images])
        design[images] = np.add.reduceat(bent, starts, axis=0) / sizes[:, None]
    there = np.array([len(own) > 0 for own in rows])
    middle: Floats = design[there].mean(axis=0)
    design[there] -= middle
    return design, middle


def _chunks(rows: Sequence[Singles]) -> Iterator[list[int]]:
    """The places of images with rows, so many together as hold a chunk of rows."""
    images: list[int] = []
    held = 0
    for at, own in enumerate(rows):
        if not len(own):
            continue
        images.append(at)
        held += len(own)
        if held >= _CHUNK:
            yield images
            images, held = [], 0
    if images:
        yield images
