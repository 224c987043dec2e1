"""Labels in two studies in turn, so that both meet the same load: `python -m bench.answers.pairs ORDERS RESULT`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.answers.lines import Line, talk
from bench.answers.raters import SiteRater


def main(orders: str, result: str) -> None:
    """In each round, that many labels in each study, one after the other; seconds of each, by round and study."""
    told = json.loads(Path(orders).read_text())
    studies = []
    for study in told["studies"]:
        raters = [SiteRater(number, rater) for number, rater in enumerate(study["raters"])]
        lines = [Line(study["port"]) for _ in raters]
        talk(lines, [rater.begin() for rater in raters])
        studies.append(list(zip(lines, raters, strict=True)))
    rounds = []
    for _ in range(told["rounds"]):
        taken: list[list[float]] = [[] for _ in studies]
        for number in range(told["labels"]):
            order = range(len(studies)) if number % 2 else reversed(range(len(studies)))
            for place in order:
                line, rater = studies[place][number % len(studies[place])]
                talk([line], [rater.work(float("inf"), 1)])
                taken[place] += rater.seen.labels
        rounds.append(taken)
    Path(result).write_text(json.dumps(rounds))


if __name__ == "__main__":
    main(*sys.argv[1:])
