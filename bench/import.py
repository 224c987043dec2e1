# ruff: noqa: N999 - the benchmark is called `import`, and no module imports it by a statement
"""How fast photographs come in, beside the bare loop that only decodes, shrinks and encodes them.

4,700 photographs of 12 megapixels (470 with `quick`) are imported into a PostgreSQL as it is at home: read, hashed,
decoded, measured, stored with their renditions on the disk, and written down. The bare loop has all cores too, and goes
by turns with the import on the same chunks, so that what else the machine does hits both.
"""

from __future__ import annotations

import json
import os
import shutil

from bench.bars import Bar, at_least, within, yardstick
from bench.place import servers

FULL, QUICK = 4_700, 470
SHARE = 0.70
# Processor seconds that the bare loop takes for a photograph.
BARE_SECONDS = 0.105
ROOM = 4e9  # bytes: a chunk with its originals, all renditions, and the rows


def run(quick: bool) -> list[Bar]:
    with servers(throw_away=False) as place:
        free = shutil.disk_usage(place.layout.home).free
        if free < ROOM:
            raise SystemExit(
                f"{ROOM / 1e9:.0f} GB of room are needed in {place.layout.home}; there are {free / 1e9:.1f}."
            )
        place.manage("migrate", "--noinput", "--verbosity", "0")
        out = place.layout.home / "measured.json"
        place.run("bench.photographs.alternating:measure", str(QUICK if quick else FULL), str(out))
        found = json.loads(out.read_text())
    count = found["photographs"]
    print(f"{count} photographs of {found['megabytes'] / count:.1f} MB, on {os.cpu_count()} cores")
    for way in ("product", "bare"):
        print(f"{way}: {count / found[way]:.2f}/s, {1000 * found[f'{way}_cpu'] / count:.0f} ms of processor each")
    return [
        at_least("import, over the bare loop's speed", found["bare"] / found["product"], SHARE),
        within("photographs in the study", found["imported"], count, 0),
        yardstick("bare loop, by processor time", count / found["bare_cpu"], 1 / BARE_SECONDS, "1/s"),
    ]
