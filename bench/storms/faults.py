"""What goes wrong in a storm, and in which order: a shuffled deck, so that each kind comes as often as any other."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum

from bench.storms.machine import Machine, Site
from bench.storms.network import Network, Trap


class Fault(StrEnum):
    SITE_KILLED = "site killed"
    POSTGRES_CRASH = "PostgreSQL crashed"
    POSTGRES_RESTART = "PostgreSQL restarted"
    OFFLINE = "browser offline"
    REFUSED = "connections reset"
    STALLED = "network stalled"
    LOST = "answer lost after commit"
    CUT = "request cut in the middle"
    LATE = "answer late"
    RELOAD = "page reloaded"
    RELOAD_OFFLINE = "page reloaded while offline"
    SECOND_TAB_CLOSED = "one of two tabs closed"
    SECOND_TAB_CRASHED = "one of two tabs crashed"
    TAB_CRASHED = "only tab crashed"
    SIGN_IN = "sign-in expired"


SHORTEST, LONGEST = 0.3, 4.0  # seconds of an outage
_TRAPS = {Fault.LOST: Trap.LOSE, Fault.CUT: Trap.CUT, Fault.LATE: Trap.LATE}
_RESTARTS = {Fault.POSTGRES_CRASH: signal.SIGQUIT, Fault.POSTGRES_RESTART: signal.SIGINT}


class Deck:
    """Kinds of faults in a random order, each once in a round, and how many grades lie between two."""

    def __init__(self, rng: random.Random, gap: int) -> None:
        self._rng = rng
        self._gap = gap
        self._cards: list[Fault] = []

    def gap(self) -> int:
        return self._rng.randint(self._gap // 2, self._gap + self._gap // 2)

    def draw(self, possible: Callable[[Fault], bool]) -> Fault | None:
        """The next that can happen now; the others keep their places."""
        if not any(map(possible, self._cards)):
            more = list(Fault)
            self._rng.shuffle(more)
            self._cards += more
        found = next((card for card in self._cards if possible(card)), None)
        if found is not None:
            self._cards.remove(found)
        return found

    def outage(self) -> float:
        # Short ones more often: they meet more of what is under way.
        return SHORTEST + (LONGEST - SHORTEST) * self._rng.random() ** 2


class Weather:
    """The faults of servers and network. They go on beside the rater; each server's in a thread of its own."""

    def __init__(self, machine: Machine, site: Site, network: Network) -> None:
        self.happened: Counter[Fault] = Counter()
        self._machine = machine
        self._site = site
        self._network = network
        self._threads = {"postgres": machine.hands, "site": ThreadPoolExecutor(1)}
        self._running: dict[str, Future[None]] = {}
        self._ends: list[tuple[float, Callable[[], None]]] = []

    def possible(self, fault: Fault) -> bool:
        match fault:
            case Fault.SITE_KILLED:
                return self._free("site")
            case Fault.POSTGRES_CRASH | Fault.POSTGRES_RESTART:
                return self._free("postgres")
            case Fault.REFUSED | Fault.STALLED:
                return not self._ends
            case _:
                return fault in _TRAPS

    def begin(self, fault: Fault, rest: float, forget: bool) -> None:
        """`rest`: how long what is down stays so. `forget`: what a stalled network held up is lost with it."""
        match fault:
            case Fault.SITE_KILLED:
                self._in_thread("site", lambda: self._site.kill(rest), fault)
            case Fault.POSTGRES_CRASH | Fault.POSTGRES_RESTART:
                self._in_thread(
                    "postgres", lambda: self._machine.restart_postgres(_RESTARTS[fault], min(rest, 1.0)), fault
                )
            case Fault.REFUSED:
                self._network.refuse()
                self._until(rest, self._network.restore, fault)
            case Fault.STALLED:
                self._network.stall()
                self._until(rest, lambda: self._network.restore(forget=forget), fault)
            case _:
                self._network.arm(_TRAPS[fault])

    def tick(self) -> None:
        """End what is due, and raise what went wrong in a thread."""
        due = [action for when, action in self._ends if when <= time.monotonic()]
        self._ends = [(when, action) for when, action in self._ends if when > time.monotonic()]
        for action in due:
            action()
        for name in [name for name, future in self._running.items() if future.done()]:
            self._running.pop(name).result()
        if self._free("site"):
            self._site.tend()

    @property
    def calm(self) -> bool:
        return not self._ends and not self._running

    def close(self) -> Counter[Fault]:
        """What happened: a trap counts when a delivery went into it."""
        for future in self._running.values():
            future.result()
        self._threads["site"].shutdown()
        for fault, trap in _TRAPS.items():
            self.happened[fault] = self._network.happened[trap]
        return self.happened

    def _free(self, name: str) -> bool:
        return name not in self._running

    def _in_thread(self, name: str, action: Callable[[], None], fault: Fault) -> None:
        self._running[name] = self._threads[name].submit(action)
        self.happened[fault] += 1

    def _until(self, rest: float, action: Callable[[], None], fault: Fault) -> None:
        self._ends.append((time.monotonic() + rest, action))
        self.happened[fault] += 1
