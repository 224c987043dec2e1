"""A million images to fifty raters with a golden set of a thousand; and whether raters then wait longer for images.

The servers are set up as `make run` sets them up: nothing is spared that survival needs. A tenth of the images lie in
clusters of two to five. The golden set is drawn in the same transaction, and the commitment published. With `quick`,
50,000 images.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.bars import Bar, at_most, below
from bench.place import ROOT, Place, servers
from bench.plans import compared

RATERS, GOLDEN = 50, 1_000
IMAGES, QUICK_IMAGES = 1_000_000, 50_000
# The published study's size, with as large a share of golden images as there.
SMALL_IMAGES, SMALL_GOLDEN = 4_700, 230
PAIRS, WINDOWS, WARM = 5, 300, 50

# What COPY alone takes for rows as wide, into a table that checks nothing and has no index.
_BARE = """
    CREATE TABLE bare (membership_id bigint, image_id bigint, rendition_id bigint, repeat smallint, token varchar(32),
        sort_key bigint, revoke_reason varchar(200));
    COPY (SELECT membership_id, image_id, rendition_id, repeat, token, sort_key, revoke_reason
        FROM labeler_assignment) TO '{file}';
"""


def run(quick: bool) -> list[Bar]:
    images = QUICK_IMAGES if quick else IMAGES
    with servers(throw_away=False) as place:
        out = place.layout.home / "measured.json"
        large, small = place, place.fresh("small")
        taken = _assigned(large, images, GOLDEN, out)
        _assigned(small, SMALL_IMAGES, SMALL_GOLDEN, out)
        print(f"bare COPY of the same assignments, without indexes or rules: {_bare_copy(large):.1f} s")
        for study in (large, small):
            study.settle()
        return [
            below(f"assigning {images} images to {RATERS} raters", taken["seconds"], 60, "s"),
            below("peak memory of the assigning process", taken["mib"], 1024, "MiB"),
            below("peak memory of its server process, without what is shared", taken["server_mib"], 1024, "MiB"),
            *_same_plans(large, small, out),
            _same_time(large, small),
        ]


def _measured(place: Place, out: Path, function: str, *arguments: str) -> Any:
    place.run(function, str(out), *arguments)
    return json.loads(out.read_text())


def _assigned(place: Place, images: int, golden: int, out: Path) -> dict[str, Any]:
    began = time.monotonic()
    place.manage("migrate", "--noinput", "--verbosity", "0")
    place.run("bench.dealing.rows:build", str(images), str(RATERS), str(golden))
    place.do("ANALYZE")
    print(f"{images} images as rows in {time.monotonic() - began:.0f} s")
    taken: dict[str, Any] = _measured(place, out, "bench.dealing.assigning:measure")
    phases = ", ".join(f"{name.lower()} from {at:.1f} s" for name, at in taken["phases"])
    print(
        f"assigned in {taken['seconds']:.1f} s ({phases}); {taken['mib']:.0f} MiB ({taken['idle']:.0f} before), "
        f"its server process {taken['server_mib']:.0f} MiB of its own"
    )
    return taken


def _bare_copy(place: Place) -> float:
    file = place.layout.postgres_data / "bare.copy"
    place.do(_BARE.format(file=file))
    began = time.monotonic()
    place.do(f"COPY bare FROM '{file}'")
    seconds = time.monotonic() - began
    place.do("DROP TABLE bare")
    file.unlink()
    return seconds


def _same_plans(large: Place, small: Place, out: Path) -> list[Bar]:
    many = _measured(large, out, "bench.dealing.windows:explain")
    few = _measured(small, out, "bench.dealing.windows:explain")
    differing, most = compared(few, many)
    return [
        at_most("statements of a window whose plan is another", differing, 0),
        at_most("a window's buffers, beyond one more for each way down a deeper index", most, 0),
    ]


def _same_time(large: Place, small: Place) -> Bar:
    """p95 of fetching a window; many and few take turns window by window, so that both meet the same load."""
    ratios = []
    with _Caller(large) as many, _Caller(small) as few:
        for pair in range(PAIRS + 1):
            taken = np.array([[few.call(), many.call()] for _ in range(WINDOWS if pair else WARM)])
            of_few, of_many = np.percentile(taken, 95, axis=0)
            if pair:  # the first round only warms up
                ratios.append(of_many / of_few)
                print(f"p95 of a window: {of_few:.2f} ms of few, {of_many:.2f} ms of many")
    return at_most("p95 of fetching a window, of many images over few, median of five", statistics.median(ratios), 1.2)


class _Caller:
    """A process that fetches windows of one study, one for each call."""

    def __init__(self, place: Place) -> None:
        program = "import django; django.setup(); from bench.dealing.windows import answer_calls; answer_calls()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=place.variables(),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> _Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def call(self) -> float:
        """Milliseconds of one more window."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("next\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())
