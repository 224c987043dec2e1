"""How fast raters can label: 1, 11, 32 and 200 of them at full speed, and one in a browser far away.

The site runs as `make run` starts it, its servers as careful as at home; the driver runs on the same cores. A label is
an image, an answer that is committed and acknowledged before the next begins, and the next images once for five labels.
Beside it a bare Django application does the same with next to no rules. Then a hundred times more images: the same
plans, and the same times.

With `quick` the steps are short and the larger study has 20,000 images: to see that it works, not to quote.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.answers import page
from bench.answers.steps import Step, step
from bench.bars import Bar, at_least, at_most, yardstick
from bench.place import ROOT, Place, servers
from bench.plans import compared
from bench.site import Served, served


@dataclass(frozen=True, slots=True)
class Size:
    """Seconds of a step, pictures drawn, images of the larger study, and labels in each of two studies in a pair."""

    seconds: float
    pictures: int
    many: int
    pair: int
    keys: int
    bursts: int


FULL = Size(seconds=20.0, pictures=300, many=470_000, pair=300, keys=60, bursts=6)
QUICK = Size(seconds=8.0, pictures=60, many=20_000, pair=40, keys=15, bursts=2)
RATERS = (1, 11, 32, 200)
ELEVEN, TURNS = 11, 3  # the published panel, and how often it and the bare application take turns
EVERY = 5  # labels for one window
FEW, GOLDEN, PANEL, PAIRS, LABELLING = 4_700, 230, 50, 5, 11
# What each rater is dealt, for each second of a step: the first ones take part in nearly every step, the last three are
# for the browser.
QUEUES = [900] + [300] * 10 + [50] * 21 + [15] * 168 + [20] * 3
BARE_MS = 4.6
BARE = "bench.answers.bare.settings"


def run(quick: bool) -> list[Bar]:
    size = QUICK if quick else FULL
    with servers(throw_away=False) as place:
        raters = _study(place, size)
        with served(place, "config.wsgi") as site:
            steps = [_step(place, site, raters, count, size, EVERY) for count in RATERS if count != ELEVEN]
            often = [_step(place, site, raters, count, size, 1) for count in RATERS if count < max(RATERS)]
            pairs = _beside_bare(place, site, raters, size)
            seen = _in_browser(place, site.port, raters[max(RATERS) :], size)
        steps += [ours for ours, _ in pairs]
        return [*_load_bars(steps, pairs), *_kept(place, [*steps, *often]), *seen, *_many(place, size)]


# --- Load -------------------------------------------------------------------------------------------------------------


def _study(place: Place, size: Size) -> list[dict[str, Any]]:
    place.manage("migrate", "--noinput", "--verbosity", "0")
    place.manage("collectstatic", "--noinput", "--verbosity", "0")
    place.run(
        "bench.answers.study:build", str(size.pictures), json.dumps([int(share * size.seconds) for share in QUEUES])
    )
    place.run("bench.answers.study:paths", str(place.layout.home / "paths.json"))
    place.settle()
    return _signed_in(place)


def _signed_in(place: Place) -> list[dict[str, Any]]:
    out = place.layout.home / "raters.json"
    place.run("bench.answers.study:sign_in", str(out))
    found: list[dict[str, Any]] = json.loads(out.read_text())
    return found


def _step(
    place: Place, site: Served, raters: list[dict[str, Any]], count: int, size: Size, every: int, turn: int = 0
) -> Step:
    told = [rater | {"window_every": every} for rater in raters[:count]]
    found = step(place, site, "site", told, size.seconds, seed=100_000 * turn + 10_000 * every + 1_000 * count)
    print(f"{found}; a window for {every} labels" if every > 1 else f"{found}; a window for each label", flush=True)
    return found


def _kept(place: Place, steps: list[Step]) -> list[Bar]:
    """Whether exactly what was acknowledged is in the database."""
    keys = [key for one in steps for key in (*one.warm, *one.keys)]
    there = [str(key) for (key,) in place.rows("SELECT client_key FROM labeler_label")]
    twice = place.rows("SELECT 1 FROM labeler_label GROUP BY assignment_id HAVING count(*) > 1")
    return [
        at_most(f"acknowledged labels of {len(keys)} that are not in the database", len(set(keys) - set(there)), 0),
        at_most("images that were labelled twice", len(twice), 0),
    ]


def _beside_bare(place: Place, site: Served, raters: list[dict[str, Any]], size: Size) -> list[tuple[Step, Step]]:
    """Eleven raters on the site, then on the bare application, of the same pictures on the same servers; and again."""
    paths, out = place.layout.home / "paths.json", place.layout.home / "bare.json"
    bare = place.fresh("bare", BARE)
    bare.run("bench.answers.bare.rows:build", str(ELEVEN), str(int(200 * size.seconds)), str(paths), str(out))
    bare.settle()
    sessions = json.loads(out.read_text())
    found = []
    with served(bare, "django.core.wsgi:get_wsgi_application()", ready="/ready") as application:
        for turn in range(TURNS):
            ours = _step(place, site, raters, ELEVEN, size, EVERY, turn)
            # Each turn asks for the items from the beginning again: nothing keeps them from being graded twice.
            theirs = step(bare, application, "bare", sessions, size.seconds, seed=turn)
            print(f"{theirs}; the bare application", flush=True)
            found.append((ours, theirs))
    return found


def _load_bars(steps: list[Step], pairs: list[tuple[Step, Step]]) -> list[Bar]:
    by_count = {count: [one for one in steps if one.raters == count] for count in RATERS}
    rate = {count: statistics.median(one.rate for one in found) for count, found in by_count.items()}
    bare = statistics.median(theirs.processor for _, theirs in pairs)
    ratio = statistics.median(ours.processor / theirs.processor for ours, theirs in pairs)
    eleven = by_count[ELEVEN]
    return [
        yardstick("the bare loop, labels for a second of processor", 1000 / bare, 1000 / BARE_MS, "labels"),
        at_least("labels a second with 11 raters", rate[ELEVEN], 230, "labels/s"),
        at_least("labels a second with 32 raters", rate[32], 200, "labels/s"),
        at_most("a label with 11 raters, p95", statistics.median(one.percentile(95) for one in eleven), 100, "ms"),
        at_most("processor time of a label, 11 raters", statistics.median(one.processor for one in eleven), 6, "ms"),
        at_most("processor time of a label over the bare loop’s", ratio, 1.3),
        *(
            Bar(f"labels a second with {count} raters", rate[count], "labels/s", "reported", True)
            for count in RATERS
            if count not in {ELEVEN, 32}
        ),
    ]


# --- In a browser -----------------------------------------------------------------------------------------------------


def _in_browser(place: Place, port: int, raters: list[dict[str, Any]], size: Size) -> list[Bar]:
    loads, near = [], None
    with page.browser() as browser:
        for _ in range(3):
            with page.Visit(browser, port, raters[0]) as visit:
                loads.append(visit.open())
        with page.Visit(browser, port, raters[1]) as visit:
            visit.go_far()
            far = visit.open()
            steady = visit.timed(size.keys, page.STEADY)
            visit.page.wait_for_timeout(3000)
            bursts = []
            for _ in range(size.bursts):
                bursts.append(visit.timed(10, page.BURST))
                visit.page.wait_for_timeout(2000)
        with page.Visit(browser, port, raters[2]) as visit:
            visit.open()
            visit.page.wait_for_timeout(1000)
            near = page.recorded(visit, 15, _colours(place, raters[2]))
    first = statistics.median(load.first_image for load in loads)
    print(
        f"first image after {first:.0f} ms; {loads[0].bytes} bytes besides images in {len(loads[0].requests)} requests:"
    )
    print("  " + " ".join(loads[0].requests))
    print(f"first image {far.first_image:.0f} ms after opening the page from far away")
    print(f"a recorded screen shows an image {statistics.median(near):.0f} ms (median) after the page’s clock had it")
    return [
        at_most("first image", first / 1000, 0.5, "s"),
        at_most("requests besides images", max(len(load.requests) for load in loads), 12),
        at_most("bytes besides images", max(load.bytes for load in loads) / 1000, 150, "kB"),
        *_key_bars("a key every 600 ms", [steady]),
        *_key_bars("bursts of 10 keys", bursts),
        at_most("images of 15 that a recorded screen did not show soon", sum(late > 100 for late in near), 1),
    ]


def _key_bars(name: str, found: list[page.Keys]) -> list[Bar]:
    taken = np.concatenate([one.milliseconds for one in found])
    return [
        at_most(f"{name}: from key to next image, median", float(np.median(taken)), 50, "ms"),
        at_most(f"{name}: from key to next image, p95", float(np.percentile(taken, 95)), 100, "ms"),
        at_most(f"{name}: keys without a next image", sum(one.lost for one in found), 0),
    ]


def _colours(place: Place, rater: dict[str, Any]) -> dict[str, np.ndarray]:
    rows = place.rows(
        "SELECT a.token, r.path FROM labeler_assignment a JOIN labeler_rendition r ON r.id = a.rendition_id"
        f" JOIN labeler_membership m ON m.id = a.membership_id WHERE m.code = '{rater['code']}'"
        " ORDER BY a.sort_key LIMIT 60"
    )
    files = place.layout.home / "files"
    return {str(token): page.colour((files / str(path)).read_bytes()) for token, path in rows}


# --- A hundred times more images --------------------------------------------------------------------------------------


def _many(place: Place, size: Size) -> list[Bar]:
    paths = json.loads((place.layout.home / "paths.json").read_text())
    few, many = place.fresh("few"), place.fresh("many")
    costs = []
    for study, images in ((few, FEW), (many, size.many)):
        study.manage("migrate", "--noinput", "--verbosity", "0")
        study.run("bench.dealing.rows:build", str(images), str(PANEL), str(GOLDEN))
        # Every image's display copy is one of the few hundred there are.
        named = f"UPDATE labeler_rendition SET path = ('{{{','.join(paths)}}}'::text[])[1 + id % {len(paths)}]"
        study.do("ANALYZE", named)
        study.run("bench.dealing.assigning:measure", str(place.layout.home / "assigned.json"))
        study.settle()
        out = place.layout.home / "costs.json"
        study.run("bench.answers.costs:explain", str(out))
        costs.append(json.loads(out.read_text()))
    differing, most = compared(*costs)
    return [
        at_most(f"statements with another plan at {size.many} images than at {FEW}", differing, 0),
        at_most("their buffers, beyond one more for each way down a deeper index", most, 0),
        at_most("p95 of a label, of many images over few, median of five", _ratio(place, few, many, size), 1.2),
    ]


def _ratio(place: Place, few: Place, many: Place, size: Size) -> float:
    orders, result = place.layout.home / "orders.json", place.layout.home / "result.json"
    with served(few, "config.wsgi") as one, served(many, "config.wsgi") as other:
        studies = [
            {"port": site.port, "raters": [rater | {"window_every": EVERY} for rater in _signed_in(study)[:LABELLING]]}
            for study, site in ((few, one), (many, other))
        ]
        # The first round only warms up.
        orders.write_text(json.dumps({"studies": studies, "rounds": PAIRS + 1, "labels": size.pair}))
        subprocess.run([sys.executable, "-m", "bench.answers.pairs", str(orders), str(result)], cwd=ROOT, check=True)
    ratios = []
    for taken in json.loads(result.read_text())[1:]:
        of_few, of_many = (1000 * float(np.percentile(each, 95)) for each in taken)
        ratios.append(of_many / of_few)
        print(f"p95 of a label: {of_few:.2f} ms of few images, {of_many:.2f} ms of many")
    return statistics.median(ratios)
