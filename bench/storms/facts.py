"""What is recorded of a storm. All times are seconds since 1970 by the machine's one clock, which all parts share."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Given:
    """A grade that the page took: the key came on the image of `token`, and left another one there.

    `at` is when the page heard of the key, `taken` when it had done what a key does; nothing is painted between.
    """

    at: float
    taken: float
    tab: int
    token: str
    level: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A grade that the database holds. `order` is that of writing, `tab` the one that the grade itself names."""

    order: int
    tab: int
    token: str
    level: int
    version: int
    key: str
    shown: int | None
    committed: float


@dataclass(frozen=True, slots=True)
class Said:
    """What a tab's line about saving said from `since` until `until`; `waiting` is the number in it, if any."""

    tab: int
    since: float
    until: float
    state: str
    waiting: int | None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The server's word that it has the answer with that key came to a tab."""

    at: float
    tab: int
    key: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All of one storm: `loads` are (tab, when) of each time that the page began, `ends` when a tab was no more."""

    given: tuple[Given, ...]
    kept: tuple[Kept, ...]
    said: tuple[Said, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()
    loads: tuple[tuple[int, float], ...] = ()
    ends: dict[int, float] = field(default_factory=dict)
