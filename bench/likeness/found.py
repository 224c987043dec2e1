"""How much of what belongs together is found: planted copies of drawn faces, and persons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.bars import Bar, at_least
from bench.likeness.plants import KINDS, planted
from mlcore.duplicates import perceptual_hash
from mlcore.faces import FaceFinder
from mlcore.joining import joined
from mlcore.local_features import local_features
from mlcore.near_duplicates import find_copies
from mlcore.persons import same_persons, threshold_for
from mlcore.records import Pixels
from mlcore.synthetic import CohortConfig, cohort, draw_face

SEED = 2018


@dataclass(frozen=True, slots=True)
class Seen:
    """A face and its planted copies, in order: what is kept of each, their hashes, and the face's embedding."""

    person: str
    packed: tuple[bytes, ...]
    hashes: tuple[int, ...]
    embedding: NDArray[np.float32] | None


@lru_cache(maxsize=1)
def _finder() -> FaceFinder:
    cv2.setNumThreads(1)
    return FaceFinder()


def see(rgb: Pixels, person: str, number: int) -> Seen:
    face = _finder().frontal(rgb)
    pictures = [rgb, *planted(rgb, number)]
    return Seen(
        person,
        tuple(local_features(picture).pack() for picture in pictures),
        tuple(perceptual_hash(picture) for picture in pictures),
        None if face is None else _finder().embedding(rgb, face),
    )


def _drawn(number: int) -> Seen:
    subject = cohort(CohortConfig(size=number + 1, seed=SEED))[number]
    return see(draw_face(subject, CohortConfig(size=number + 1, seed=SEED)).pixels, subject.person, number)


def drawn_faces(count: int, processes: int) -> Iterator[Bar]:
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        seen = list(pool.map(_drawn, range(count), chunksize=4))
    yield from copies("drawn faces", seen)
    persons("drawn faces", seen)


def copies(of: str, seen: Sequence[Seen]) -> Iterator[Bar]:
    """Bars over all pairs that end in one cluster: those of one face and its copies belong together, no others do."""
    each = 1 + len(KINDS)
    packed = [data for one in seen for data in one.packed]
    found = find_copies(packed, [looks for one in seen for looks in one.hashes])
    groups = joined(len(packed), [(copy.first, copy.second) for copy in found])
    for at, kind in enumerate(KINDS, start=1):
        share = np.mean([groups[each * face] == groups[each * face + at] for face in range(len(seen))])
        yield at_least(f"{of}, {kind}: with their originals", float(share), 0.98)
    together = sum(size * (size - 1) // 2 for size in Counter(groups).values())
    right = Counter((group, at // each) for at, group in enumerate(groups))
    correct = sum(size * (size - 1) // 2 for size in right.values())
    yield at_least(f"{of}: recall over pairs of copies", correct / (len(seen) * each * (each - 1) // 2), 0.98)
    yield at_least(f"{of}: precision over pairs of copies", correct / max(1, together), 0.9)


def persons(of: str, seen: Sequence[Seen]) -> None:
    """Print how well faces are joined to persons; no bar, as drawn faces are alike to a network that knows people's."""
    faces = [one for one in seen if one.embedding is not None]
    embeddings = np.array([one.embedding for one in faces], dtype=np.float32).reshape(-1, 128)
    links = same_persons(embeddings, [None] * len(faces))
    groups = np.array(joined(len(faces), [(link.first, link.second) for link in links]))
    names = np.array([one.person for one in faces])
    known = names != ""
    first, second = np.triu_indices(len(faces), 1)
    first, second = first[known[first] & known[second]], second[known[first] & known[second]]
    same, joint = names[first] == names[second], groups[first] == groups[second]
    print(
        f"  {of}: {len(faces)} faces, threshold {threshold_for(embeddings):.3f}: {int((same & joint).sum())} of "
        f"{int(same.sum())} pairs of one person joined, {int((joint & ~same).sum())} pairs of two; the largest "
        f"cluster has {max(Counter(groups.tolist()).values(), default=0)}",
        flush=True,
    )
