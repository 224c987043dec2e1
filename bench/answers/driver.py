"""Raters at full speed in a process of their own: `python -m bench.answers.driver ORDERS RESULT`, two files of JSON.

All raters label a few images unmeasured and wait for each other; then the clocks run until the last one is done.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from bench.answers import processor
from bench.answers.lines import Line, talk
from bench.answers.raters import BareRater, Rater, SiteRater

WARM = 2  # labels of each rater before the clocks run
KINDS: dict[str, type[Rater]] = {"site": SiteRater, "bare": BareRater}


def main(orders: str, result: str) -> None:
    told = json.loads(Path(orders).read_text())
    raters = [KINDS[told["kind"]](told["seed"] + place, one) for place, one in enumerate(told["raters"])]
    lines = [Line(told["port"]) for _ in raters]
    talk(lines, [rater.begin() for rater in raters])
    talk(lines, [rater.work(float("inf"), WARM) for rater in raters])
    warm = [key for rater in raters for key in rater.seen.keys]
    before = {name: processor.seconds(number) for name, number in told["processes"].items()}
    own, began = time.process_time(), time.perf_counter()
    again = talk(lines, [rater.work(began + told["seconds"], told["most"]) for rater in raters])
    seconds, own = time.perf_counter() - began, time.process_time() - own
    spent = {name: processor.seconds(number) - before[name] for name, number in told["processes"].items()}
    seen = [asdict(rater.seen) for rater in raters]
    found = {name: [value for one in seen for value in one[name]] for name in seen[0]}
    Path(result).write_text(
        json.dumps({**found, "warm": warm, "seconds": seconds, "own": own, "spent": spent, "again": again})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
