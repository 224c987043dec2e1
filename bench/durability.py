"""Is a grade ever lost? A rater labels in a real browser while everything around fails, twenty times.

In a storm, Chromium labels 1,000 images as fast as the page takes the keys, while at random (from a seed for each
storm) the site is killed, PostgreSQL crashes or restarts, the network is gone, stalls or resets connections, requests
are cut in the middle and answers are lost after the site committed, the page is reloaded, also without a network, a
second tab is labelled in and one of the two closed or crashed, and the sign-in expires. Between browser and site lies
a way of the bench's own; PostgreSQL waits for the disk as at home, and notes when each transaction was committed.

A grade counts as given when the page showed another image in answer to the key. Afterwards the database must hold each
one exactly once, in the order given (for each tab); and the page's line about saving must have been true all the
time: "saved" only when all that had been given a moment before was committed, and each number of waiting grades right.
`bench.storms.judging` is that judgement, a pure function.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from playwright.sync_api import sync_playwright

from bench.bars import Bar, at_least, at_most
from bench.storms.faults import Fault
from bench.storms.hand import chromium
from bench.storms.judging import Verdict, judge
from bench.storms.machine import collect_static, machine
from bench.storms.storm import Storm, storm

FIRST_SEED = 100
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Size:
    """How many storms of how many images, about how many grades between two faults, and faults of each kind asked."""

    storms: int
    images: int
    gap: int
    faults: int


FULL = Size(storms=20, images=1_000, gap=28, faults=20)
QUICK = Size(storms=2, images=150, gap=8, faults=1)


def run(quick: bool) -> list[Bar]:
    size = QUICK if quick else FULL
    seeds = range(FIRST_SEED, FIRST_SEED + size.storms)
    workers = min(2, os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, get_context("fork")) as pool:
        parts = [pool.submit(_storms, seeds[number::workers], size) for number in range(workers)]
        return bars([storm for part in parts for storm in part.result()], size)


def _storms(seeds: Sequence[int], size: Size) -> list[tuple[Storm, Verdict]]:
    """These storms one after the other, on servers of their own."""
    found = []
    with machine() as servers, sync_playwright() as playwright:
        collect_static(servers.place)
        servers.place.run("bench.storms.study:build", str(size.images))
        for seed in seeds:
            browser = chromium(playwright)
            place = servers.copy(f"storm_{seed}")
            ended = storm(servers, browser, place, seed, size.gap)
            browser.close()
            servers.drop(place)
            found.append((ended, judge(ended.facts)))
            _say(*found[-1])
    return found


def _say(ended: Storm, verdict: Verdict) -> None:
    findings = {
        "lost": verdict.lost,
        "duplicated": verdict.duplicated,
        "out of order": verdict.disordered,
        "said wrongly": verdict.misstated,
    }
    print(
        f"storm {ended.seed}: {len(ended.facts.given)} grades given, {len(ended.facts.kept)} kept,"
        f" {sum(ended.faults.values())} faults, {ended.seconds:.0f} s; "
        + ", ".join(f"{name} {len(found)}" for name, found in findings.items())
        + ("" if ended.settled else "; NOT SETTLED")
        + (f"; {ended.ungraded} images ungraded" if ended.ungraded else ""),
        flush=True,
    )
    for name, found in findings.items():
        for words in found[:SHOWN]:
            print(f"    {name}: {words}", flush=True)


def bars(found: Sequence[tuple[Storm, Verdict]], size: Size) -> list[Bar]:
    """The bars of these storms."""
    storms = [ended for ended, _ in found]
    verdicts = [verdict for _, verdict in found]
    faults: Counter[str] = sum((ended.faults for ended in storms), Counter())
    return [
        at_least("storms", len(storms), size.storms),
        at_least("grades given", sum(len(ended.facts.given) for ended in storms), size.storms * size.images),
        at_most("lost", sum(len(verdict.lost) for verdict in verdicts), 0),
        at_most("duplicated", sum(len(verdict.duplicated) for verdict in verdicts), 0),
        at_most("out of order", sum(len(verdict.disordered) for verdict in verdicts), 0),
        at_most("status wrong", sum(len(verdict.misstated) for verdict in verdicts), 0),
        at_most("images left ungraded", sum(ended.ungraded for ended in storms), 0),
        at_most("storms after which not all was saved", sum(not ended.settled for ended in storms), 0),
        *(at_least(f"faults: {fault}", faults[fault], size.faults) for fault in Fault),
        Bar("requests reset under way", sum(ended.cut_off for ended in storms), "", "reported", True),
        Bar("length of a storm", _median([ended.seconds for ended in storms]), "s", "reported", True),
    ]


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
