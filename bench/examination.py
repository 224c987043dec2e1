"""Does the search find what belongs together, and how fast? Planted copies, photographs a second, seconds to link.

With GOLDFOLD_DATA set, real photographs are measured too, and their figures printed beside the bars.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from bench.bars import Bar, at_least, at_most
from bench.likeness.found import Seen, copies, drawn_faces, persons, see
from bench.place import Place, servers
from mlcore.images import decode

RATIO, LINK_SECONDS = 0.8, 120.0


def run(quick: bool) -> list[Bar]:
    processes = len(os.sched_getaffinity(0))
    bars = list(drawn_faces(40 if quick else 320, processes))
    _real(processes)
    with servers() as place, tempfile.TemporaryDirectory() as folder:
        place.manage("migrate", "--verbosity", "0")
        bars += _speed(place, Path(folder), *((2, 32) if quick else (6, 96)))
        bars += _linking(place, Path(folder), 1_000 if quick else 4_700)
    return bars


def _speed(place: Place, folder: Path, chunks: int, size: int) -> Iterator[Bar]:
    place.run("bench.likeness.job:speeds", str(chunks), str(size), str(folder / "speeds"))
    pairs: list[tuple[float, float]] = json.loads((folder / "speeds").read_text())
    for job, bare in pairs:
        print(f"  {size} photographs: the job {job:.2f}/s, the bare calls {bare:.2f}/s", flush=True)
    ratio = statistics.median(job / bare for job, bare in pairs)
    yield at_least("photographs a second of the job over those of the bare calls, median of pairs", ratio, RATIO)


def _linking(place: Place, folder: Path, count: int) -> Iterator[Bar]:
    place.run("bench.likeness.job:linking", str(count), str(folder / "linking"))
    seconds, links = json.loads((folder / "linking").read_text())
    print(f"  {links} links among {count} pictures that are no copies", flush=True)
    yield at_most(f"seconds to link {count} pictures and make clusters", seconds, LINK_SECONDS, "s")


def _real(processes: int) -> None:
    """Print what is found among photographs of patients, where somebody has put them there."""
    folder = Path(os.environ.get("GOLDFOLD_DATA", "")) / "acne04_a"
    if "GOLDFOLD_DATA" not in os.environ or not folder.is_dir():
        print("  GOLDFOLD_DATA is not set: no real photographs measured", flush=True)
        return
    rows = list(csv.DictReader((folder / "images.csv").read_text().splitlines()))
    paths = [str(folder / "images" / row["image"]) for row in rows]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        names = [row["person"] for row in rows]
        seen = list(pool.map(_photograph, paths, names, range(len(paths)), chunksize=4))
    for bar in copies("real photographs", seen):
        print(f"  {bar.name}: {bar.value:.3f}", flush=True)
    persons("real photographs", seen)


def _photograph(path: str, person: str, number: int) -> Seen:
    return see(decode(Path(path).read_bytes()), person, number)
