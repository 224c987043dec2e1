"""Which faces are of one person, by their embeddings.

Two things make that harder among thousands of faces than for a pair. What is near depends on who is there: the network
was taught on celebrities, and puts people of one origin and age, under one lamp, much closer together. So the threshold
is taken from the study's own distances. And single linkage under any threshold makes chains: a looks like b, b like c,
and in the end everybody is one person. So the closest pairs are joined first, and two clusters only while the mean
squared distance between their faces is within the threshold (average linkage: Sokal and Michener, 1958).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Never joined beyond this; dlib itself joins pairs under 0.6. docs/clusters.md has the figures for these three.
FARTHEST: Final = 0.36
# Most faces that are let pass for each face by chance, and at most this share of all pairs.
_FALSE_EACH: Final = 2.0
_FALSE_SHARE: Final = 1 / 400
# Fewer faces than this tell nothing of how far apart strangers are.
_ENOUGH: Final = 6
_SAMPLE: Final = 2_000
_SEED: Final = 20180711
# Pictures of one person that are looked at from each of them.
_NEIGHBOURS: Final = 16
_CHUNK: Final = 512


@dataclass(frozen=True, slots=True)
class Alike:
    """Two places in what was searched, first < second, that were joined; distance: Euclidean, of their embeddings."""

    first: int
    second: int
    distance: float


def threshold_for(embeddings: NDArray[np.float32]) -> float:
    """Up to which distance two of these (faces, 128) embeddings count as one person's.

    Distances between strangers are taken as normal, with the median of all distances and the spread of their lower
    half (both hardly touched by the few pairs of one person): the threshold lets `_FALSE_EACH` strangers of each face
    pass, at most `_FALSE_SHARE` of them, and is at most `FARTHEST`. From a sample of 2,000 faces where there are more.
    """
    if len(embeddings) < _ENOUGH:
        return FARTHEST
    draw = np.random.default_rng(_SEED)
    some = embeddings[np.sort(draw.permutation(len(embeddings))[:_SAMPLE])].astype(np.float64)
    squares = np.einsum("ij,ij->i", some, some)
    apart = (squares[:, None] + squares[None, :] - 2 * some @ some.T)[np.triu_indices(len(some), 1)]
    tenth, median = np.sqrt(np.quantile(apart.clip(0), (0.1, 0.5)))
    normal = NormalDist()
    spread = (median - tenth) / -normal.inv_cdf(0.1)
    share = min(_FALSE_SHARE, _FALSE_EACH / len(embeddings))
    return float(np.clip(median + normal.inv_cdf(share) * spread, 0.0, FARTHEST))


def same_persons(embeddings: NDArray[np.float32], named: Sequence[int | None]) -> list[Alike]:
    """The pairs that join faces to persons: n − 1 for a person with n faces, closest first.

    embeddings: (faces, 128) float32. named: who each is where that is known (any number per person), else None: faces
    of one named person are together from the start, and those of two are never joined.
    Raises ValueError when the lengths differ. Cost: one matrix product of faces × faces, in chunks.
    """
    if len(embeddings) != len(named):
        raise ValueError("each embedding needs its name or None")
    threshold = threshold_for(embeddings)
    people = _People(embeddings, named)
    pairs = sorted(_neighbours(embeddings, threshold), key=lambda pair: (pair.distance, pair.first, pair.second))
    return [pair for pair in pairs if people.join(pair.first, pair.second, threshold)]


def _neighbours(embeddings: NDArray[np.float32], threshold: float) -> Iterator[Alike]:
    """The closest pairs within the threshold, at most `_NEIGHBOURS` from each face; each pair once."""
    squares = np.einsum("ij,ij->i", embeddings, embeddings)
    seen: set[tuple[int, int]] = set()
    for start in range(0, len(embeddings), _CHUNK):
        some = embeddings[start : start + _CHUNK]
        apart = squares[start : start + _CHUNK, None] + squares[None, :] - 2 * (some @ embeddings.T)
        apart[np.arange(len(some)), start + np.arange(len(some))] = np.inf
        for row, column in np.argwhere(apart <= _limit(apart, threshold)).tolist():
            pair = min(start + row, column), max(start + row, column)
            if pair not in seen:
                seen.add(pair)
                yield Alike(*pair, float(np.linalg.norm(embeddings[pair[0]] - embeddings[pair[1]])))


def _limit(apart: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Up to which squared distance each row's neighbours count, (rows, 1)."""
    most = np.full((len(apart), 1), threshold * threshold, dtype=np.float32)
    if apart.shape[1] <= _NEIGHBOURS:
        return most
    farthest = np.partition(apart, _NEIGHBOURS - 1, axis=1)[:, _NEIGHBOURS - 1 : _NEIGHBOURS]
    return np.minimum(most, farthest)


class _People:
    """Clusters of faces: each with its number of faces, their sum, and the sum of their squared lengths.

    These give the mean squared distance between the faces of two clusters without a look at the faces:
    mean |a|² + mean |b|² − 2 · mean a · mean b.
    """

    def __init__(self, embeddings: NDArray[np.float32], named: Sequence[int | None]) -> None:
        self._parents = list(range(len(embeddings)))
        self._sums = embeddings.astype(np.float64)
        self._squares = np.einsum("ij,ij->i", self._sums, self._sums)
        self._sizes = np.ones(len(embeddings), dtype=np.int64)
        self._names = list(named)
        first: dict[int, int] = {}
        for at, name in enumerate(named):
            if name is not None and (other := first.setdefault(name, at)) != at:
                self._merge(self._root(other), at)

    def join(self, first: int, second: int, threshold: float) -> bool:
        """Join the two faces' clusters, where they may be joined and are not yet."""
        one, other = sorted((self._root(first), self._root(second)))
        if one == other or None not in {self._names[one], self._names[other]}:
            return False
        if self._apart(one, other) > threshold * threshold:
            return False
        self._merge(one, other)
        return True

    def _apart(self, one: int, other: int) -> float:
        sizes = self._sizes
        lengths = self._squares[one] / sizes[one] + self._squares[other] / sizes[other]
        return float(lengths - 2 * (self._sums[one] / sizes[one]) @ (self._sums[other] / sizes[other]))

    def _merge(self, one: int, other: int) -> None:
        self._parents[other] = one
        self._sums[one] += self._sums[other]
        self._squares[one] += self._squares[other]
        self._sizes[one] += self._sizes[other]
        if self._names[one] is None:
            self._names[one] = self._names[other]

    def _root(self, at: int) -> int:
        while self._parents[at] != at:
            self._parents[at] = self._parents[self._parents[at]]
            at = self._parents[at]
        return at
