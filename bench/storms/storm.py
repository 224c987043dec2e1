"""One storm: from the rater's first key to all images graded, and what the database then holds."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from playwright.sync_api import Browser

from bench.place import Place
from bench.storms.facts import Facts, Kept
from bench.storms.faults import Weather
from bench.storms.hand import WIDTH, Notes
from bench.storms.machine import Machine, Site
from bench.storms.network import network
from bench.storms.rater import Rater

_KEPT = """
    SELECT l.id, (l.viewing->>'window_width')::float8, a.token, v.value, l.version, l.client_key::text, a.shown_seq,
        extract(epoch FROM pg_xact_commit_timestamp(l.xmin))::float8
    FROM labeler_label l JOIN labeler_assignment a ON a.id = l.assignment_id JOIN labeler_level v ON v.id = l.level_id
    WHERE l.region = 'face' ORDER BY l.id
"""
_UNGRADED = "SELECT count(*) FROM labeler_assignment a WHERE shown_seq IS NULL AND revoked_at IS NULL"


@dataclass(frozen=True, slots=True)
class Storm:
    """What was recorded of one. `ungraded`: images left when it ended; it `settled` when the page then said saved."""

    seed: int
    facts: Facts
    faults: Counter[str]
    cut_off: int
    settled: bool
    ungraded: int
    seconds: float


def storm(machine: Machine, browser: Browser, place: Place, seed: int, gap: int) -> Storm:
    """Label all that is in `place`, with a fault after about `gap` grades."""
    began = time.monotonic()
    machine.forget_sessions(place)
    site = Site(place)
    with network(site.port) as way:
        site.start(way.port)
        try:
            weather = Weather(machine, site, way)
            rater = Rater(browser, f"http://127.0.0.1:{way.port}", weather, machine, place, seed, gap)
            settled = rater.label()
            faults = Counter({str(fault): number for fault, number in (weather.close() + rater.happened).items()})
        finally:
            site.end()
    return Storm(
        seed=seed,
        facts=_facts(rater.notes, place),
        faults=faults,
        cut_off=way.happened["requests under way that were reset"],
        settled=settled,
        ungraded=int(str(place.rows(_UNGRADED)[0][0])),
        seconds=time.monotonic() - began,
    )


def _facts(notes: Notes, place: Place) -> Facts:
    kept = tuple(
        Kept(
            order=int(str(order)),
            tab=int(float(str(width))) - WIDTH,
            token=str(token),
            level=int(float(str(level))),
            version=int(str(version)),
            key=str(key),
            shown=None if shown is None else int(str(shown)),
            committed=float(str(committed)),
        )
        for order, width, token, level, version, key, shown, committed in place.rows(_KEPT)
    )
    return Facts(
        given=tuple(notes.given),
        kept=kept,
        said=tuple(notes.said.values()),
        confirmed=tuple(notes.confirmed),
        loads=tuple(notes.loads),
        ends=notes.ends,
    )
