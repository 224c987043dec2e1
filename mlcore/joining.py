"""Union-find: from pairs that belong together to the groups that they make."""

from collections.abc import Iterable


def joined(size: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """The group of each of `size` places, named by its smallest place; pairs are places 0 … size - 1."""
    parents = list(range(size))
    for first, second in pairs:
        low, high = sorted((_root(parents, first), _root(parents, second)))
        parents[high] = low
    return [_root(parents, place) for place in range(size)]


def _root(parents: list[int], at: int) -> int:
    while parents[at] != at:
        parents[at] = parents[parents[at]]
        at = parents[at]
    return at
