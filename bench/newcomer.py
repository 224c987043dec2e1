"""What a newcomer meets: from a fresh clone to the first page, the second start, Ctrl-C, and `make test`.

Everything is done by the README's two commands in a clone of HEAD, in a closed folder, with an empty package cache.
With `quick`, the user's package cache is used, and `make test` is left out.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench.bars import Bar, at_most, below
from config.embedded import SHARED_ROOT, layout

PROJECT = Path(__file__).resolve().parent.parent
FIRST_PAGE, SECOND_START, TESTS = 240.0, 15.0, 360.0  # seconds asked
PATIENCE = 1200.0  # seconds before a step counts as hung


class NewcomerStuck(Exception):
    """A step that did not come to its end, with what was on the terminal."""


def run(quick: bool) -> list[Bar]:
    """Do what a newcomer does, and time it."""
    with _fresh_clone() as clone:
        modes = _modes(clone)
        environment = _environment(clone, cold=not quick)
        first = _Session(clone, environment)
        first_page = first.until_first_page()
        first.until_heavy_is_there()
        left = first.interrupt()
        second = _Session(clone, environment)
        second_page = second.until_first_page()
        left += second.interrupt()
        bars = [
            below("fresh clone to the first page", first_page, FIRST_PAGE, "s"),
            below("second start to the first page", second_page, SECOND_START, "s"),
            at_most("processes left after Ctrl-C", len(left), 0),
            at_most("existing folders whose mode changed", _changed(modes), 0),
        ]
        return bars if quick else bars + _tests(clone, environment)


def _tests(clone: Path, environment: dict[str, str]) -> list[Bar]:
    """`make test`, with its tools already installed: fetching them measures the network."""
    subprocess.run(["make", "install"], cwd=clone, env=environment, check=True)
    began = time.monotonic()
    done = subprocess.run(["make", "test"], cwd=clone, env=environment, check=False)
    return [
        below("make test", time.monotonic() - began, TESTS, "s"),
        at_most("make test: exit status", done.returncode, 0),
    ]


@contextmanager
def _fresh_clone() -> Iterator[Path]:
    # Closed to everybody else, as a private home is.
    folder = Path(tempfile.mkdtemp(prefix="goldfold-newcomer-"))
    clone = folder / "goldfold"
    try:
        subprocess.run(["git", "clone", "--quiet", str(PROJECT), str(clone)], check=True)
        yield clone
    finally:
        found = layout(clone)
        for place in (found.home, found.sockets, folder):
            shutil.rmtree(place, ignore_errors=True)


def _environment(clone: Path, cold: bool) -> dict[str, str]:
    """The surroundings of somebody who has done nothing yet: no active environment, no address of a server."""
    dropped = {"DATABASE_URL", "REDIS_URL", "GOLDFOLD_HOME", "VIRTUAL_ENV", "PYTHONPATH", "PREPARATION_FILE"}
    dropped |= {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    own = str(Path(sys.prefix) / "bin")
    kept["PATH"] = os.pathsep.join(part for part in kept["PATH"].split(os.pathsep) if part != own)
    if cold:
        kept["PIP_CACHE_DIR"] = str(clone.parent / "cache")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        kept["PORT"] = str(probe.getsockname()[1])
    return kept


class _Session:
    """One `make run` at a terminal of its own."""

    def __init__(self, clone: Path, environment: dict[str, str]) -> None:
        self._clone = clone
        self._site = f"http://127.0.0.1:{environment['PORT']}"
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            ["make", "run"],
            cwd=clone,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def until_first_page(self) -> float:
        """Seconds until a browser gets the first page."""
        self._wait_for(lambda: self._get("/") is not None)
        return time.monotonic() - self._began

    def until_heavy_is_there(self) -> None:
        self._wait_for(lambda: json.loads(self._get("/preparation.json") or "{}").get("state") == "ready")

    def interrupt(self) -> list[str]:
        """Ctrl-C; the command lines of what is left of the clone afterwards."""
        os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait(60)
        shown = subprocess.run(["ps", "axww", "-o", "args="], capture_output=True, text=True, check=True).stdout
        home = str(layout(self._clone).home)
        return [line for line in shown.splitlines() if str(self._clone) in line or home in line]

    def _wait_for(self, truth: Callable[[], bool]) -> None:
        while not truth():
            if self._process.poll() is not None or time.monotonic() - self._began > PATIENCE:
                self._process.kill()
                raise NewcomerStuck("".join(self._lines))
            time.sleep(0.05)

    def _get(self, path: str) -> str | None:
        try:
            with urlopen(self._site + path, timeout=10) as answer:
                return str(answer.read().decode()) if answer.status == 200 else None
        except (URLError, ConnectionError, TimeoutError):
            return None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            print(f"  {line}", end="", flush=True)
            self._lines.append(line)


def _modes(clone: Path) -> dict[Path, int]:
    """The modes of every folder that is there before, on the way to what Goldfold reads and writes."""
    ways = [clone, Path(sys.base_prefix), Path.home(), SHARED_ROOT, Path(tempfile.gettempdir())]
    folders = {folder for way in ways for folder in (way, *way.parents) if folder.is_dir()}
    folders |= {path for path in clone.rglob("*") if path.is_dir()}
    return {folder: folder.stat().st_mode for folder in folders}


def _changed(modes: dict[Path, int]) -> int:
    return sum(not folder.is_dir() or folder.stat().st_mode != mode for folder, mode in modes.items())
