"""Processor time of running processes and of all that they began, as Linux counts it."""

from __future__ import annotations

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def seconds(root: int) -> float:
    """User and system time of a process and its descendants, dead ones too: a parent counts those it has outlived."""
    spent = _spent()
    return sum(spent[number][1] for number in _family(root, {one: parent for one, (parent, _) in spent.items()}))


def _family(root: int, parents: dict[int, int]) -> set[int]:
    family, found = {root}, True
    while found:
        new = {one for one, parent in parents.items() if parent in family} - family
        family |= new
        found = bool(new)
    return family & parents.keys()


def _spent() -> dict[int, tuple[int, float]]:
    """By process: its parent, and seconds of its own and of its dead children."""
    found = {}
    for place in Path("/proc").iterdir():
        if not place.name.isdigit():
            continue
        try:
            told = (place / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it ended this very moment
            continue
        found[int(place.name)] = (int(told[1]), sum(map(int, told[11:15])) / TICK)
    return found
