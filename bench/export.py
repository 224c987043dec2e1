"""How fast a million labels leave, and what it costs the site's memory, beside PostgreSQL's own bare COPY.

A study of 50 raters is written as rows (100,000 labels of 10 raters with `quick`), and served as `make run` serves it.
The labels are taken through the site by HTTP in each format, as CSV by turns with the yardstick: the same query copied
out of the same server with nothing done to it.
"""

from __future__ import annotations

import http.client
import io
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

import psycopg2
from pyarrow import parquet as pq

from bench.bars import Bar, at_least, below, within
from bench.exports.memory import Watch, processes_with
from bench.place import ROOT, Place, servers
from bench.site import site

REPEATS = 3
MIB = 1 << 20
PATIENCE = 10.0  # seconds
_COPYING = "WHERE query LIKE 'COPY (SELECT%' AND state = 'active'"


@dataclass(frozen=True, slots=True)
class Size:
    """raters, golden images, and training images of each rater."""

    raters: int
    golden: int
    each: int

    @property
    def labels(self) -> int:
        return self.raters * (self.golden + self.each)


FULL = Size(50, 1_000, 19_000)
QUICK = Size(10, 500, 9_500)


@dataclass(frozen=True, slots=True)
class Told:
    """What the program that made the study said."""

    study: int
    session: str
    query: str


def run(quick: bool) -> list[Bar]:
    size = QUICK if quick else FULL
    with servers() as place:
        told = _study(place, size)
        with site(place) as port:
            return _measure(place, port, told, size)


def _study(place: Place, size: Size) -> Told:
    began = time.monotonic()
    place.manage("migrate", "--noinput", "--verbosity", "0")
    path = place.layout.home / "told"
    place.run("bench.exports.study:build", str(size.raters), str(size.golden), str(size.each), str(path))
    study, session, query = path.read_text().split("\n", 2)
    print(f"{size.labels} labels of {size.raters} raters written in {time.monotonic() - began:.0f} s")
    return Told(int(study), session, query)


def _measure(place: Place, port: int, told: Told, size: Size) -> list[Bar]:
    processes = processes_with(f"127.0.0.1:{port}")
    _warm(port, told)
    bare, site_csv, rows = [], [], []
    grown = {}
    with Watch(processes) as watch:
        for _ in range(REPEATS):
            bare.append(size.labels / _bare(place, told.query))
            data, seconds = _take(port, told, "labels.csv")
            rows.append(data.count(b"\n") - 1)
            site_csv.append(size.labels / seconds)
    grown["csv"] = watch.grown
    print(f"bare COPY of the same query: {median(bare):,.0f} rows/s")
    print(
        f"CSV through the site: {median(site_csv):,.0f} rows/s, {median(site_csv) / median(bare):.2f} of the bare COPY"
    )
    print(f"CSV by the generator alone: {median(_generated(place, 'csv')):,.0f} rows/s")
    for kind in ("jsonl", "parquet"):
        with Watch(processes) as watch:
            data, seconds = _take(port, told, f"labels.{kind}")
        grown[kind] = watch.grown
        rows.append(data.count(b"\n") if kind == "jsonl" else pq.ParquetFile(io.BytesIO(data)).metadata.num_rows)
        print(f"{kind} through the site: {size.labels / seconds:,.0f} rows/s, {len(data) / MIB:.0f} MiB")
    return [
        at_least("CSV through the site", median(site_csv), 100_000, "rows/s"),
        *(below(f"memory of the site above idle, {kind}", most / MIB, 200, "MiB") for kind, most in grown.items()),
        within("broken downloads that looked whole", _looks_whole(place, port, told), 0, 0),
        within("queries that go on without their reader", _going_on(place, port, told), 0, 0),
        within("rows in every file, furthest from the labels there are", _furthest(rows, size.labels), 0, 0, "rows"),
    ]


def _warm(port: int, told: Told) -> None:
    """The first request of each of the site's processes loads what every later one uses."""
    with ThreadPoolExecutor(8) as many:
        list(many.map(lambda _: _take(port, told, "raters.csv"), range(40)))


def _looks_whole(place: Place, port: int, told: Told) -> float:
    """1 if a download whose query is ended in the middle looks whole to the client."""
    connection, answer = _begun(port, told, "labels.csv")
    answer.read(1)
    place.rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {_COPYING}")
    try:
        answer.read()
    except (http.client.IncompleteRead, ConnectionError):
        return 0.0
    finally:
        connection.close()
    return 1.0


def _going_on(place: Place, port: int, told: Told) -> float:
    """How many queries still run some seconds after their reader went away."""
    connection, answer = _begun(port, told, "labels.csv")
    answer.read(1)
    answer.close()
    connection.close()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and place.rows(f"SELECT pid FROM pg_stat_activity {_COPYING}"):
        time.sleep(0.1)
    return float(len(place.rows(f"SELECT pid FROM pg_stat_activity {_COPYING}")))


def _furthest(rows: list[int], wanted: int) -> float:
    return float(max(abs(found - wanted) for found in rows))


def _bare(place: Place, query: str) -> float:
    """Seconds of the query copied out and dropped."""
    connection = psycopg2.connect(place.database_url)
    try:
        with connection.cursor() as cursor, open(os.devnull, "wb") as nowhere:  # noqa: PTH123  no path of ours
            began = time.perf_counter()
            cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH (FORMAT csv)", nowhere)
            return time.perf_counter() - began
    finally:
        connection.close()


def _take(port: int, told: Told, file: str) -> tuple[bytes, float]:
    """The file's bytes and the seconds they took, as a lead's program gets them."""
    began = time.perf_counter()
    connection, answer = _begun(port, told, file)
    data = answer.read()
    seconds = time.perf_counter() - began
    connection.close()
    return data, seconds


def _begun(port: int, told: Told, file: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", f"/studies/{told.study}/export/{file}", headers={"Cookie": f"sessionid={told.session}"})
    answer = connection.getresponse()
    if answer.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{file}: the site answered {answer.status}")
    return connection, answer


def _generated(place: Place, kind: str) -> list[float]:
    """Rows a second of the generator in a process of its own, without a site around it."""
    program = "import django; django.setup(); from bench.exports.study import time_stream; "
    program += f"time_stream({kind!r}, {REPEATS})"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=place.variables(), check=True, capture_output=True, text=True)
    told = [line.split() for line in done.stdout.splitlines()]
    return [int(rows) / float(seconds) for rows, seconds in told]
