"""Which faces are of one person, by their embeddings.

Single linkage under any threshold makes chains: a looks like b, b like c, and in the end everybody is one person. Here
the closest pairs are joined first, and two clusters only while the mean squared distance between their faces stays
within the threshold (average linkage; Sokal and Michener, 1958), which no chain of go-betweens passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# dlib joins under 0.6, for pairs; among thousands of faces there are millions of pairs, and one in 10,000 wrong is too
# many. docs/clusters.md has the figures by which this was chosen.
SAME_PERSON: Final = 0.4
# Pictures of one person that are looked at from each of them.
_NEIGHBOURS: Final = 16
_CHUNK: Final = 512


@dataclass(frozen=True, slots=True)
class Alike:
    """Two places in what was searched, first < second, that were joined; distance: Euclidean, of their embeddings."""

    first: int
    second: int
    distance: float


def same_persons(
    embeddings: NDArray[np.float32], named: Sequence[int | None], threshold: float = SAME_PERSON
) -> list[Alike]:
    """The pairs that join faces to persons: n − 1 for a person with n faces, closest first.

    embeddings: (faces, 128) float32. named: who each is where that is known (any number per person), else None: faces
    of one named person are together from the start, and those of two are never joined.
    Raises ValueError when the lengths differ. Cost: one matrix product of faces × faces, in chunks.
    """
    if len(embeddings) != len(named):
        raise ValueError("each embedding needs its name or None")
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
