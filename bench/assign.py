"""A million images to fifty raters with a golden set of a thousand; and whether raters then wait longer for images.

The servers are set up as `make run` sets them up: nothing is spared that survival needs. A tenth of the images lie in
clusters of two to five. The golden set is drawn in the same transaction, and the commitment published. With `quick`,
50,000 images.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

from bench.attack.place import Place, servers
from bench.bars import Bar, at_most, below

RATERS, GOLDEN = 50, 1_000
IMAGES, QUICK_IMAGES = 1_000_000, 50_000
# The published study's size, with as large a share of golden images as there.
SMALL_IMAGES, SMALL_GOLDEN = 4_700, 230
PAIRS, WINDOWS = 5, 300
# An index of a million rows may be a level or two deeper than one of a few thousand.
DEEPER = 2

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
            study.do("VACUUM ANALYZE", "CHECKPOINT")
        return [
            below(f"assigning {images} images to {RATERS} raters", taken["seconds"], 60, "s"),
            below("peak memory of the assigning process", taken["mib"], 1024, "MiB"),
            below("peak memory of its server process, without what is shared", taken["server_mib"], 1024, "MiB"),
            *_same_plans(large, small, out),
            _same_time(large, small, out),
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
    differing, most = abs(len(many) - len(few)), 0
    for at_many, at_few in zip(many, few, strict=False):
        same = at_many["nodes"] == at_few["nodes"]
        differing += not same
        most = max(most, at_many["buffers"] - at_few["buffers"])
        print(f"{at_few['buffers']} → {at_many['buffers']} buffers: {at_many['statement']}…")
        if not same:
            print(f"  {at_few['nodes']} → {at_many['nodes']}")
    return [
        at_most("statements of a window whose plan is another", differing, 0),
        at_most("more buffers of a statement of a window (deeper indexes)", most, DEEPER),
    ]


def _same_time(large: Place, small: Place, out: Path) -> Bar:
    """p95 of fetching a window, in pairs; the order within a pair changes, so that neither is always the warmer."""
    ratios = []
    for pair in range(PAIRS):
        found = {}
        for name, study in [("many", large), ("few", small)][:: 1 if pair % 2 else -1]:
            found[name] = _measured(study, out, "bench.dealing.windows:timed", str(WINDOWS))
        ratios.append(found["many"]["p95"] / found["few"]["p95"])
        print(f"p95 of a window: {found['few']['p95']:.2f} ms of few, {found['many']['p95']:.2f} ms of many")
    return at_most("p95 of fetching a window, of many images over few, median of five", statistics.median(ratios), 1.2)
