"""Finds copies of one picture among many: re-encoded, resized, cropped, mirrored, made brighter or of another contrast.

First every picture votes for the pictures that share its visual words (Sivic and Zisserman, "Video Google: a text
retrieval approach to object matching in videos", ICCV 2003), once as it is and once mirrored; pictures with perceptual
hashes close by are added. Then only the best of each picture are compared in full: their local features must agree on
one turn, scale and shift (RANSAC: Fischler and Bolles, CACM 24(6), 1981), and under it their thumbnails must look
alike, which tells copies from photographs taken in one room, whose backgrounds agree as well.

Cost: linear in the pictures for the comparisons (at most some 25 each, about 0.3 ms each), quadratic only for the votes
(80 words a picture, each in one of some 25 pictures) and the hashes (8 bytes a pair). `docs/clusters.md` has figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.local_features import MOST_FEATURES, THUMBNAIL_SIDE, LocalFeatures

# So many features, and so large a share of those that both could show, agree on one turn, scale and shift, and under it
# the thumbnails correlate so much. docs/clusters.md has the figures by which they were chosen.
MIN_AGREEING: Final = 12
MIN_SHARE: Final = 0.3
MIN_CORRELATION: Final = 0.96

_CANDIDATES: Final = 10
_HASH_BITS: Final = 6
_CHUNK: Final = 512
# So few pictures are all compared with each other. Words are so many that each stands for several features.
_FEW: Final = 48
_WORDS: Final = 2048
_FEATURES_A_WORD: Final = 16
_SEED: Final = 20180711
# A feature and its copy have at least this cosine. Pixels of the working copy that a copy's feature may be off: those
# of copies are 0.5 off at most (median of a pair), those of another photograph of the same person 0.6 to 2.5.
_MIN_COSINE: Final = 0.85
_MAX_OFF: Final = 1.5
_TRIES: Final = 500
_MIN_OVERLAP: Final = 0.1

# pictures done, of how many
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Copy:
    """Two places in what was searched, first < second. distance: 1 − correlation, 0 is the same."""

    first: int
    second: int
    distance: float
    mirrored: bool


def find_copies(
    packed: Sequence[bytes | None], hashes: Sequence[int | None], tell: Tell = lambda done, total: None
) -> list[Copy]:
    """All pairs of copies.

    packed: `LocalFeatures.pack` of each picture; None: compared with nothing. hashes: the pictures' perceptual hashes,
    signed 64 bits, or None. tell: called with pictures done; may raise to stop. Deterministic for the same input.
    """
    plain, mirrored = _candidates(packed, hashes)
    found: dict[tuple[int, int], Copy] = {}
    for place, data in enumerate(packed):
        if place % _CHUNK == 0:
            tell(place, len(packed))
        if data is None:
            continue
        own = LocalFeatures.unpack(data)
        for copy in (
            *_compared(own, place, plain[place], packed, mirrored=False),
            *_compared(own.mirrored(), place, mirrored[place], packed, mirrored=True),
        ):
            known = found.get((copy.first, copy.second), copy)
            found[copy.first, copy.second] = min(known, copy, key=lambda one: one.distance)
    tell(len(packed), len(packed))
    return [found[pair] for pair in sorted(found)]


def _candidates(packed: Sequence[bytes | None], hashes: Sequence[int | None]) -> tuple[list[set[int]], list[set[int]]]:
    """For each picture the later ones to compare it with, as it is and mirrored: each pair is found from both sides."""
    if len(packed) <= _FEW:
        everybody = [set(range(place + 1, len(packed))) for place in range(len(packed))]
        return everybody, everybody
    votes, close = _Votes(packed), _close_hashes(hashes)
    plain: list[set[int]] = [set() for _ in packed]
    mirrored: list[set[int]] = [set() for _ in packed]
    for place in range(len(packed)):
        for other in votes.candidates(place, mirrored=False) | close.get(place, set()):
            plain[min(place, other)].add(max(place, other))
        for other in votes.candidates(place, mirrored=True):
            mirrored[min(place, other)].add(max(place, other))
    return plain, mirrored


def _compared(
    own: LocalFeatures, place: int, others: set[int], packed: Sequence[bytes | None], *, mirrored: bool
) -> Iterator[Copy]:
    for other in sorted(others):
        data = packed[other]
        if data is not None and (correlation := alike(own, LocalFeatures.unpack(data))) >= MIN_CORRELATION:
            yield Copy(place, other, max(0.0, 1 - correlation), mirrored)


def alike(first: LocalFeatures, second: LocalFeatures) -> float:
    """How much two pictures correlate under the turn, scale and shift that their features agree on, −1 … 1.

    0 where too few features agree on any.
    """
    cosines = _unit(first.vectors) @ _unit(second.vectors).T
    if min(cosines.shape) < MIN_AGREEING:
        return 0.0
    there, here, own = cosines.argmax(axis=1), cosines.argmax(axis=0), np.arange(len(cosines))
    matched = (here[there] == own) & (cosines[own, there] >= _MIN_COSINE)
    if matched.sum() < MIN_AGREEING:
        return 0.0
    # OpenCV draws RANSAC's samples from a generator that it seeds anew each time, so this is reproducible.
    motion, agreeing = cv2.estimateAffinePartial2D(
        first.points[matched],
        second.points[there[matched]],
        method=cv2.RANSAC,
        ransacReprojThreshold=_MAX_OFF,
        maxIters=_TRIES,
        confidence=0.995,
    )
    if motion is None:
        return 0.0
    found = np.asarray(motion, dtype=np.float64)
    back = np.asarray(cv2.invertAffineTransform(found), dtype=np.float64)
    could = min(_inside(first, second, found), _inside(second, first, back))
    if int(np.sum(agreeing)) < max(MIN_AGREEING, MIN_SHARE * could):
        return 0.0
    return _correlation(first, second, found)


def _inside(these: LocalFeatures, other: LocalFeatures, motion: NDArray[np.float64]) -> int:
    """How many of these features come to lie within the other picture."""
    moved = these.points @ motion[:, :2].T + motion[:, 2]
    return int(((moved >= 0) & (moved < [other.width, other.height])).all(axis=1).sum())


def _unit(vectors: NDArray[np.uint8]) -> NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1), dtype=np.float32)


@lru_cache(maxsize=1)
def _grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The centres of a thumbnail's pixels as shares of the picture, x and y."""
    centres = (np.arange(THUMBNAIL_SIDE) + 0.5) / THUMBNAIL_SIDE
    across, down = np.meshgrid(centres, centres)
    return across, down


def _correlation(first: LocalFeatures, second: LocalFeatures, motion: NDArray[np.float64]) -> float:
    """Pearson's correlation of the thumbnails' luma where both show the same; blind to brightness and contrast."""
    across, down = _grid()
    x, y = across * first.width - 0.5, down * first.height - 0.5
    moved_x = motion[0, 0] * x + motion[0, 1] * y + motion[0, 2]
    moved_y = motion[1, 0] * x + motion[1, 1] * y + motion[1, 2]
    u = ((moved_x + 0.5) / second.width * THUMBNAIL_SIDE - 0.5).astype(np.float32)
    v = ((moved_y + 0.5) / second.height * THUMBNAIL_SIDE - 0.5).astype(np.float32)
    last = THUMBNAIL_SIDE - 1
    shared = (u >= 0) & (u <= last) & (v >= 0) & (v <= last)
    if shared.mean() < _MIN_OVERLAP:
        return 0.0
    seen = cv2.remap(second.thumbnail.astype(np.float32), u, v, cv2.INTER_LINEAR)
    own, other = first.thumbnail[shared].astype(np.float64), np.asarray(seen, dtype=np.float64)[shared]
    own, other = own - own.mean(), other - other.mean()
    scale = float(np.sqrt((own * own).sum() * (other * other).sum()))
    return float((own * other).sum() / scale) if scale > 0 else 0.0


class _Votes:
    """Which pictures share visual words. The words are features drawn at random from the pictures themselves."""

    def __init__(self, packed: Sequence[bytes | None]) -> None:
        self._size = len(packed)
        places = [place for place, data in enumerate(packed) if data is not None]
        vocabulary = _vocabulary(packed, places)
        plain, mirrored, owners = _words(packed, places, vocabulary)
        order = np.argsort(plain, kind="stable")
        self._owners = owners[order].astype(np.int32)
        counts = np.bincount(plain, minlength=max(1, len(vocabulary)))
        self._ends = np.concatenate([[0], np.cumsum(counts)])
        # A word that many pictures have says little (K. Spärck Jones's inverse document frequency, 1972).
        self._weight = np.log((1 + len(places)) / (1 + counts)).clip(0)
        self._starts = np.searchsorted(owners, np.arange(self._size + 1))
        self._words = {False: plain, True: mirrored}

    def candidates(self, place: int, *, mirrored: bool) -> set[int]:
        """The pictures that share most with this one, or with its mirror image; at most `_CANDIDATES`."""
        words = np.unique(self._words[mirrored][self._starts[place] : self._starts[place + 1]])
        if not len(words):
            return set()
        owners = [self._owners[self._ends[word] : self._ends[word + 1]] for word in words]
        weights = np.repeat(self._weight[words], [len(some) for some in owners])
        votes = np.bincount(np.concatenate(owners), weights, minlength=self._size)
        votes[place] = 0
        best = np.argpartition(votes, -_CANDIDATES)[-_CANDIDATES:] if self._size > _CANDIDATES else range(self._size)
        return {int(other) for other in best if votes[other] > 0}


def _vocabulary(packed: Sequence[bytes | None], places: Sequence[int]) -> NDArray[np.float32]:
    draw = np.random.default_rng(_SEED)
    chosen: list[int] = draw.choice(places, size=min(len(places), _WORDS), replace=False).tolist() if places else []
    some = [LocalFeatures.unpack(packed[place] or b"").vectors for place in sorted(chosen)]
    vectors = np.concatenate(some) if some else np.zeros((0, 128), dtype=np.uint8)
    size = min(_WORDS, len(places) * MOST_FEATURES // _FEATURES_A_WORD, len(vectors))
    kept = draw.choice(len(vectors), size=size, replace=False)
    return _unit(vectors[np.sort(kept)])


def _words(
    packed: Sequence[bytes | None], places: Sequence[int], vocabulary: NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """The nearest word of every feature, of its mirror image, and whose it is; in order of the pictures."""
    plain: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    mirrored: list[NDArray[np.int32]] = [np.zeros(0, dtype=np.int32)]
    counts = np.zeros(len(packed), dtype=np.int64)
    for start in range(0, len(places), 64):
        some = [LocalFeatures.unpack(packed[place] or b"") for place in places[start : start + 64]]
        counts[places[start : start + 64]] = [len(features.points) for features in some]
        for words, vectors in (
            (plain, [features.vectors for features in some]),
            (mirrored, [features.mirrored().vectors for features in some]),
        ):
            if len(vocabulary):
                words.append((_unit(np.concatenate(vectors)) @ vocabulary.T).argmax(axis=1).astype(np.int32))
    return np.concatenate(plain), np.concatenate(mirrored), np.repeat(np.arange(len(packed)), counts)


def _close_hashes(hashes: Sequence[int | None]) -> dict[int, set[int]]:
    """Places whose perceptual hashes differ in few bits, each pair from its first; in chunks, so memory stays flat.

    The first `_CANDIDATES` only: pictures of one colour all have the same.
    """
    places = np.array([at for at, value in enumerate(hashes) if value is not None], dtype=np.int64)
    bits = np.array([value for value in hashes if value is not None], dtype=np.int64).view(np.uint64)
    close: dict[int, set[int]] = {}
    for start in range(0, len(bits), _CHUNK):
        apart = np.bitwise_count(bits[start : start + _CHUNK, None] ^ bits[None, start:])
        for row, column in np.argwhere(apart <= _HASH_BITS).tolist():
            own = close.setdefault(int(places[start + row]), set()) if row < column else None
            if own is not None and len(own) < _CANDIDATES:
                own.add(int(places[start + column]))
    return close
