"""Who grades what, and in which order. Pure: numbers in, numbers out.

- Folds are dealt by cluster, largest first, each to the emptiest raters; ties are broken by chance. The folds' sizes
  then differ by at most the largest cluster, and by at most one where every cluster is a single image.
- A rater's order is a uniform shuffle of their fold and the golden set together, and then of which of these are shown
  again, and where. The places are drawn first, and the images laid on them after, by one uniform permutation: so no
  place, no repeat and no gap is likelier for any image than for another, golden or not.

How a seed becomes chance, so that anybody can do it again: a stream is numpy's PCG64, seeded with the SHA-256 of
"SEED PURPOSE CODE" read as a big-endian number (purpose "folds" without a code; purpose "order" with the rater's code).
Only its raw 64-bit output is used, which numpy keeps the same in every version: n things are shuffled by sorting them
by n raw numbers, and one of n is chosen by a raw number modulo n.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

# How many others lie at least between the two showings of an image, where the queue is long enough.
REPEAT_GAP = 150
_RAW = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """What is shown at one place of a queue: an image, for the first time (repeat 0) or again (repeat 1)."""

    image: int
    repeat: int


@dataclass(frozen=True, slots=True)
class Share:
    """One rater's part: their fold of the training images, and all that they grade in the order that they see it."""

    fold: tuple[int, ...]
    order: tuple[Place, ...]


def stream(seed: int, purpose: str, code: str = "") -> Generator:
    """The chance that belongs to a seed, a purpose and, where it is one rater's, their code."""
    words = f"{seed} {purpose} {code}".rstrip()
    return Generator(PCG64(int.from_bytes(hashlib.sha256(words.encode()).digest(), "big")))


def plan(
    clusters: Sequence[Sequence[int]],
    golden: Sequence[int],
    raters: Sequence[str],
    seed: int,
    *,
    overlap: int = 1,
    repeat_share: float = 0.0,
) -> list[Share]:
    """Deal clusters of training images, and the golden set to everybody; one share for each rater's code.

    The same seed, images and codes (in the same order) give the same shares, in whatever order images come. Raises
    ValueError where there is nobody to deal to, or fewer raters than `overlap`.
    """
    if not raters:
        raise ValueError("there is nobody to deal to")
    groups = sorted(tuple(sorted(cluster)) for cluster in clusters)
    folds = deal(groups, [0] * len(raters), overlap, stream(seed, "folds"))
    shares = []
    for code, fold in zip(raters, folds, strict=True):
        fold.sort()
        order = shuffled(sorted([*fold, *golden]), repeat_share, stream(seed, "order", code))
        shares.append(Share(tuple(fold), tuple(order)))
    return shares


def deal(
    clusters: Sequence[Sequence[int]],
    loads: Sequence[int],
    overlap: int,
    rng: Generator,
    *,
    barred: Mapping[int, Collection[int]] | None = None,
) -> list[list[int]]:
    """Deal every cluster to `overlap` different raters, the emptiest; returns the images that each rater gets.

    `loads` says how much each rater has already. `barred` names the raters (by place) who can't take a cluster (by
    place), such as those who have its images already. Clusters of one size come in random order, and between equally
    empty raters chance decides. Raises ValueError where a cluster finds too few raters.
    """
    sizes = np.fromiter((len(cluster) for cluster in clusters), dtype=np.int64, count=len(clusters))
    order = _shuffle(len(clusters), rng)
    order = order[np.argsort(-sizes[order], kind="stable")]
    chance = _raw(rng)
    heap = [(load, next(chance), rater) for rater, load in enumerate(loads)]
    heapq.heapify(heap)
    dealt: list[list[int]] = [[] for _ in loads]
    for at in order.tolist():
        cluster = clusters[at]
        if overlap == 1 and not barred:  # the same as below, in a third of the time
            load, _, rater = heap[0]
            dealt[rater].extend(cluster)
            heapq.heapreplace(heap, (load + len(cluster), next(chance), rater))
            continue
        away = barred.get(at, ()) if barred else ()
        for load, rater in _emptiest(heap, overlap, away):
            dealt[rater].extend(cluster)
            heapq.heappush(heap, (load + len(cluster), next(chance), rater))
    return dealt


def _emptiest(heap: list[tuple[int, int, int]], count: int, away: Collection[int]) -> list[tuple[int, int]]:
    """Take the `count` emptiest raters from the heap, passing over those who are away; each with their load."""
    taken: list[tuple[int, int]] = []
    passed = []
    while len(taken) < count:
        if not heap:
            raise ValueError(f"each image is to go to {count} different raters, and there are only {len(taken)}")
        entry = heapq.heappop(heap)
        if entry[2] in away:
            passed.append(entry)
        else:
            taken.append((entry[0], entry[2]))
    for entry in passed:
        heapq.heappush(heap, entry)
    return taken


def repeats_in(images: int, repeat_share: float) -> int:
    """How many of a rater's images are shown a second time."""
    return math.floor(images * repeat_share + 0.5) if images > 1 else 0


def repeat_gap(images: int, repeat_share: float) -> int:
    """How many others lie at least between the two showings of an image, in a queue of so many different images.

    REPEAT_GAP, or where the queue is too short for that, as many as it allows without fixing the repeats' order.
    0 where nothing is repeated.
    """
    again = repeats_in(images, repeat_share)
    return min(REPEAT_GAP, images - again) if again else 0


def shuffled(images: Sequence[int], repeat_share: float, rng: Generator) -> list[Place]:
    """A rater's queue: the images in uniform order, and a uniform share of them shown again.

    At least `repeat_gap` others lie between an image's two showings.
    """
    count = len(images)
    again = repeats_in(count, repeat_share)
    mixed = [images[at] for at in _shuffle(count, rng).tolist()]
    if not again:
        return [Place(image, 0) for image in mixed]
    first = _where_repeated(count + again, again, repeat_gap(count, repeat_share), rng)
    coming = iter(mixed)
    queue: list[Place] = []
    for at in range(count + again):
        queue.append(Place(queue[first[at]].image, 1) if at in first else Place(next(coming), 0))
    return queue


def _where_repeated(length: int, again: int, gap: int, rng: Generator) -> dict[int, int]:
    """For `again` random places of a queue, an earlier place whose image they show again; `gap` others lie between.

    The set of places is drawn anew until each of them can find such an earlier one. Then each in turn takes one at
    random: what an earlier repeat can take, a later one can too, so every way to pair them is equally likely.
    """
    while True:
        places = np.sort(_shuffle(length - gap - 1, rng)[:again] + gap + 1).tolist()
        taken = set(places)
        if all(_reach(places, at, gap) > rank for rank, at in enumerate(places)):
            break
    chance, pool, first = _raw(rng), list[int](), dict[int, int]()
    entered = 0
    for at in places:
        pool.extend(earlier for earlier in range(entered, at - gap) if earlier not in taken)
        entered = at - gap
        chosen = next(chance) % len(pool)
        pool[chosen], pool[-1] = pool[-1], pool[chosen]
        first[at] = pool.pop()
    return first


def _reach(places: list[int], at: int, gap: int) -> int:
    """How many first showings lie far enough before the place `at`."""
    return at - gap - bisect_right(places, at - gap - 1)


def _shuffle(count: int, rng: Generator) -> NDArray[np.int64]:
    """0 … count - 1 in random order."""
    return np.argsort(rng.bit_generator.random_raw(count), kind="stable")


def _raw(rng: Generator) -> Iterator[int]:
    """The stream's 64-bit numbers; modulo a few thousand, their bias is below one in 10^15."""
    while True:
        yield from rng.bit_generator.random_raw(_RAW).tolist()
