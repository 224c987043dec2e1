"""What the models of one extractor share: which vectors of an image they look at, and what each patch then says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlcore.records import PatchVector, Region, Vectors

# The patch as it is seen, and its mirror image.
PLAIN: Final = (0,)
MIRRORED: Final = (0, 12)
Tensors: TypeAlias = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class ViewScore:
    """One patch's say: the weighted mean of an image's view scores is its severity, before that is clipped.

    patch: its place in `Located.patches`. score: severity in units of the scale, not clipped. weight: above 0; the
    weights of an image sum to 1.
    """

    patch: int
    score: float
    weight: float


class Model(Protocol):
    """What a model of one extractor's views can do; `Ridge`, `Kernel` and `Regressor` are those there are."""

    @property
    def kind(self) -> str: ...

    @property
    def offsets(self) -> tuple[int, ...]:
        """The offsets at which it wants each patch when it scores."""
        ...

    def score(self, vectors: Sequence[PatchVector]) -> tuple[ViewScore, ...]:
        """What each patch of one image says; () where there is nothing to look at."""
        ...

    def tensors(self) -> Tensors: ...

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Views:
    """The patches of one image, rising: x (n, dim) their vectors, patches (n,) their places, regions (n,) theirs."""

    x: Vectors
    patches: tuple[int, ...]
    regions: tuple[Region, ...]


def views(vectors: Sequence[PatchVector], offsets: Sequence[int]) -> Views:
    """One vector for each patch: the mean over those of the offsets that are there. No views where there are none."""
    seen: dict[int, list[PatchVector]] = {}
    for vector in vectors:
        if vector.offset in offsets:
            seen.setdefault(vector.patch, []).append(vector)
    patches = tuple(sorted(seen))
    rows = [np.mean([one.vector for one in seen[patch]], axis=0, dtype=np.float32) for patch in patches]
    table = np.stack(rows) if rows else np.zeros((0, 0), dtype=np.float32)
    return Views(table, patches, tuple(seen[patch][0].region for patch in patches))


def sides(seen: Views) -> tuple[list[int], list[int]]:
    """The rows that are the whole face, and those that are patches."""
    face = [at for at, region in enumerate(seen.regions) if region is Region.FACE]
    return face, [at for at in range(len(seen.regions)) if at not in face]


def combined(scores: Sequence[ViewScore]) -> float:
    """An image's severity from its views' scores, at least one: their weighted mean, not clipped."""
    total = sum(score.weight for score in scores)
    return sum(score.score * score.weight for score in scores) / total
