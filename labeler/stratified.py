"""A random draw that keeps the strata's shares and never takes a cluster apart. Numbers only: no Django here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.random import Generator

from labeler.planning import stream


def quotas(sizes: Mapping[str, int], total: int) -> dict[str, int]:
    """How many of `total` images each stratum gives, by the method of the largest remainder.

    `sizes` are the strata's images. A stratum's exact share is total · size / all; each gives that share rounded down,
    and what is missing then comes from the largest remainders, ties to the larger stratum and then to the name in
    order. Raises ValueError when there are fewer images than `total`.
    """
    there = sum(sizes.values())
    if not 0 <= total <= there:
        raise ValueError(f"{total} images can't be drawn from {there}")
    if total == 0:
        return dict.fromkeys(sizes, 0)
    given = {name: total * size // there for name, size in sizes.items()}
    missing = total - sum(given.values())
    by_remainder = sorted(sizes, key=lambda name: (-(total * sizes[name] % there), -sizes[name], name))
    for name in by_remainder[:missing]:
        given[name] += 1
    return given


def drawn(clusters: Mapping[str, Sequence[Sequence[int]]], size: int, seed: int) -> list[int]:
    """Which images a draw of `size` gives, from clusters of image ids by stratum; at most `size`, as clusters go whole.

    What whole clusters could not fill in their stratum is drawn from all that is left. Raises ValueError when there are
    fewer images than `size`.
    """
    there = {value: sum(map(len, groups)) for value, groups in clusters.items()}
    images: list[int] = []
    rest: list[Sequence[int]] = []
    for value, quota in quotas(there, size).items():
        groups = clusters[value]
        taken = set(pick([len(group) for group in groups], quota, stream(seed, "golden", value)))
        images += (image for place in taken for image in groups[place])
        rest += (group for place, group in enumerate(groups) if place not in taken)
    if len(images) < size:
        more = pick([len(group) for group in rest], size - len(images), stream(seed, "golden-rest"))
        images += (image for place in more for image in rest[place])
    return images


def pick(sizes: Sequence[int], quota: int, rng: Generator) -> list[int]:
    """Which clusters to take, so that their images come as near to `quota` from below as any choice of whole ones.

    `sizes` are the clusters' numbers of images, each at least 1; the answer is places in it, ascending. The clusters
    come in a uniformly random order (that of raw numbers from `rng`, one for each), and each is taken unless the rest
    could then no longer fill the quota as well as possible. Nothing but its size tells a cluster from another, and its
    size decides only where the last places must be filled exactly: where there are single images enough for them, none
    is refused before that.
    """
    order = np.argsort(rng.bit_generator.random_raw(len(sizes)), kind="stable").tolist()
    left = Counter(sizes)
    need = _nearest(left, quota)
    taken = []
    for place in order:
        if need == 0:
            break
        size = sizes[place]
        left[size] -= 1
        if size <= need and _reachable(left, need - size):
            taken.append(place)
            need -= size
    return sorted(taken)


def _reachable(left: Mapping[int, int], need: int) -> bool:
    """Whether some of the clusters left have exactly `need` images together."""
    if left.get(1, 0) >= need:
        return True
    return bool(_totals(left, need) >> need & 1)


def _nearest(left: Mapping[int, int], quota: int) -> int:
    """The largest total of whole clusters that is no more than `quota`."""
    if left.get(1, 0) >= quota:
        return quota
    return _totals(left, quota).bit_length() - 1


def _totals(left: Mapping[int, int], most: int) -> int:
    """Every total up to `most` that whole clusters can have together, as a number whose bit t is set for total t."""
    mask = (1 << (most + 1)) - 1
    totals = 1
    for size, count in left.items():
        rest, step = min(count, most // size), 1
        while rest > 0:  # 1, 2, 4, … clusters of this size at a time give every number of them
            step = min(step, rest)
            totals |= (totals << (size * step)) & mask
            rest -= step
            step *= 2
    return totals
