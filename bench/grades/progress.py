"""Says how far a long step is, so that nobody wonders whether it still runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

EVERY = 20.0  # seconds
Item = TypeVar("Item")


def say(what: str) -> None:
    print(what, flush=True)


def followed(items: Iterable[Item], what: str) -> Iterator[Item]:
    """The items, with a line every now and then on how many are done and how long that took."""
    total = f" of {len(items)}" if isinstance(items, Sized) else ""
    start = told = time.monotonic()
    done = 0
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - told >= EVERY:
            told = now
            say(f"  {what}: {done}{total}, {now - start:.0f} s")
    say(f"  {what}: {done}{total}, {time.monotonic() - start:.0f} s, done")
