"""What a storm did: a pure function from what was recorded to what was lost, doubled, out of order, or said wrongly."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bench.storms.facts import Facts, Given, Kept, Said

# "Saved" must hold for all that was given so long before.
MOMENT = 0.1  # seconds
# What has been confirmed may still be counted as waiting for so long, on a busy machine.
LAG = 0.5  # seconds
# What a tab that is gone left behind, another may take this long to find.
TAKE_OVER = 2.0  # seconds
# The clocks of browser and database are one, read to the millisecond.
TICK = 0.005  # seconds
# Of what was committed so long before a page was left, nobody can say whether that page was told.
BEFORE_LEAVING = 1.5  # seconds
SAMPLE_EVERY = 0.05  # seconds

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Each finding in words; no findings is what is asked."""

    lost: tuple[str, ...]
    duplicated: tuple[str, ...]
    disordered: tuple[str, ...]
    misstated: tuple[str, ...]


def judge(facts: Facts) -> Verdict:
    """Hold what the database has, and what the page said, against what was given."""
    pairs, lost, surplus = _match(facts.given, facts.kept)
    return Verdict(
        lost=tuple(f"{_name(one)} is not in the database" for one in lost),
        duplicated=tuple(
            f"tab {one.tab}: grade {one.level} of {one.token}, version {one.version}, was not given" for one in surplus
        ),
        disordered=tuple(_disorder(pairs, facts.kept)),
        misstated=tuple(_misstated(facts, pairs, lost)),
    )


def _name(one: Given) -> str:
    return f"tab {one.tab}: grade {one.level} of {one.token} at {one.at:.3f}"


def _match(given: Iterable[Given], kept: Iterable[Kept]) -> tuple[list[tuple[Given, Kept]], list[Given], list[Kept]]:
    """Pairs of the same tab, image and level, first with first; given without kept; kept without given."""
    waiting: defaultdict[tuple[int, str, int], list[Kept]] = defaultdict(list)
    for row in sorted(kept, key=lambda row: row.order, reverse=True):
        waiting[row.tab, row.token, row.level].append(row)
    pairs, lost = [], []
    for one in sorted(given, key=lambda one: one.at):
        rows = waiting[one.tab, one.token, one.level]
        if rows:
            pairs.append((one, rows.pop()))
        else:
            lost.append(one)
    surplus = [row for rows in waiting.values() for row in rows]
    return pairs, lost, sorted(surplus, key=lambda row: row.order)


def _disorder(pairs: list[tuple[Given, Kept]], kept: Iterable[Kept]) -> Iterable[str]:
    """Where, within a tab, the database's order is not that of giving; and versions or numbers that have gaps."""
    for tab in sorted({one.tab for one, _ in pairs}):
        own = sorted((pair for pair in pairs if pair[0].tab == tab), key=lambda pair: pair[1].order)
        yield from _descents(own, "written")
        shown = sorted((pair for pair in own if pair[1].version == 1), key=lambda pair: pair[1].shown or 0)
        yield from _descents(shown, "numbered")
    versions: defaultdict[str, list[int]] = defaultdict(list)
    for row in sorted(kept, key=lambda row: row.order):
        versions[row.token].append(row.version)
    for token, found in versions.items():
        if found != list(range(1, len(found) + 1)):
            yield f"versions of {token} were written as {found}"
    numbers = sorted(row.shown or 0 for row in kept if row.version == 1)
    if numbers != list(range(1, len(numbers) + 1)):
        yield "the images shown are not numbered from one without gaps"


def _descents(pairs: list[tuple[Given, Kept]], how: str) -> Iterable[str]:
    for (before, _), (after, _) in pairwise(pairs):
        if after.at < before.at:
            yield f"{_name(after)} was {how} after {_name(before)}"


# --- What the page said ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Course:
    """Each given grade's tab and times; `known` is when a page was first told. Infinity is never."""

    tab: Numbers
    at: Numbers
    taken: Numbers
    committed: Numbers
    known: Numbers
    # A page that did not know of the first time asks again.
    last_told: Numbers
    # From when on any tab must know of it: when its own tab was gone, and there was time to find it.
    everybodys: Numbers

    @classmethod
    def of(cls, facts: Facts, pairs: list[tuple[Given, Kept]], lost: list[Given]) -> _Course:
        told: defaultdict[str, list[float]] = defaultdict(list)
        for word in facts.confirmed:
            told[word.key].append(word.at)
        rows = [(one, kept.committed, told[kept.key] or [math.inf]) for one, kept in pairs]
        rows += [(one, math.inf, [math.inf]) for one in lost]
        return cls(
            tab=np.array([one.tab for one, _, _ in rows], float),
            at=np.array([one.at for one, _, _ in rows], float),
            taken=np.array([one.taken for one, _, _ in rows], float),
            committed=np.array([committed for _, committed, _ in rows], float),
            known=np.array([min(words) for _, _, words in rows], float),
            last_told=np.array([max(words) for _, _, words in rows], float),
            everybodys=np.array([facts.ends.get(one.tab, math.inf) + TAKE_OVER for one, _, _ in rows], float),
        )


def _misstated(facts: Facts, pairs: list[tuple[Given, Kept]], lost: list[Given]) -> Iterable[str]:
    course = _Course.of(facts, pairs, lost)
    for said in facts.said:
        if said.state == "saved":
            missing = _missing_while_saved(said, course)
            if missing:
                yield f"{_line(said)}: {missing} grades were not in the database"
        elif said.waiting is not None:
            wrong = _wrong_count(said, course, facts)
            if wrong:
                yield f"{_line(said)}: {wrong}"


def _line(said: Said) -> str:
    count = "" if said.waiting is None else f", {said.waiting} waiting"
    return f"tab {said.tab} said {said.state}{count} from {said.since:.3f} for {said.until - said.since:.3f} s"


def _missing_while_saved(said: Said, course: _Course) -> int:
    """How many grades were, at some moment while the page said that all was saved, not in the database."""
    due = course.taken + MOMENT
    due = np.where(course.tab == said.tab, due, np.maximum(due, course.everybodys))
    begins = np.maximum(due, said.since)
    return int(np.sum(np.minimum(course.committed - TICK, said.until) > begins))


def _wrong_count(said: Said, course: _Course, facts: Facts) -> str:
    """Why the number of waiting grades was wrong at some moment; empty when it never was."""
    own = course.tab == said.tab
    for now in np.arange(said.since, said.until, SAMPLE_EVERY):
        doubtful = _doubtful(course, facts, now)
        least = int(np.sum(own & (course.taken + MOMENT <= now) & (course.known > now + MOMENT) & ~doubtful))
        most = int(np.sum((course.at - TICK <= now) & (course.last_told > now - LAG)))
        if said.waiting is not None and not least <= said.waiting <= most:
            return f"at {now:.3f} between {least} and {most} had not been confirmed"
    return ""


def _doubtful(course: _Course, facts: Facts, now: float) -> npt.NDArray[np.bool_]:
    """Which grades were committed just before a page was left: it may have been told, and gone before it was noted."""
    found = np.zeros(len(course.at), bool)
    for left in [*(at for _, at in facts.loads), *facts.ends.values()]:
        if left <= now:
            found |= (left - BEFORE_LEAVING <= course.committed) & (course.committed <= left)
    return found


def again(given: Iterable[Given]) -> int:
    """How many images a tab asked for again although it had taken a grade of them; changes on purpose count too."""
    times = Counter((one.tab, one.token) for one in given)
    return sum(count - 1 for count in times.values())
