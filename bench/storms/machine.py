"""A PostgreSQL, a Redis and a site that can be killed and come back, as their supervisor would bring them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import redis

from bench.place import ROOT, Place
from config.embedded import Layout
from config.launch import static
from config.launch.run import SITE_OPTIONS
from config.launch.servers import Servers, prepare, stop

READY_WITHIN = 60.0  # seconds


class Machine:
    """The servers as at home: PostgreSQL waits for the disk. It also notes when each transaction was committed.

    `hands` starts PostgreSQL again: the kernel ends a server with the thread that started it, so that it must live as
    long as this machine.
    """

    def __init__(self, layout: Layout, pair: Servers) -> None:
        self.place = Place(layout)
        self.hands = ThreadPoolExecutor(1)
        self._pair = pair
        self._redis = pair.redis.start()
        self._postgres = pair.postgres.start()
        self.place.do("ALTER SYSTEM SET track_commit_timestamp = on")
        self.hands.submit(self.restart_postgres, signal.SIGINT, 0).result()

    def copy(self, name: str) -> Place:
        """A database of its own like the machine's."""
        made = self.place.copy(name)
        # Else a crash takes the copy's sequences back to where they were copied: their next values, though given, are
        # in the log of the original alone.
        made.do("CHECKPOINT")
        return made

    def drop(self, place: Place) -> None:
        """After a crash PostgreSQL waits for the disk with every file that it has: it is to have few."""
        self.place.do(f"DROP DATABASE {place.database} WITH (FORCE)")

    def restart_postgres(self, how: signal.Signals, rest: float) -> None:
        """SIGQUIT: it crashes, and finds its way back by its log. SIGINT: it throws everybody out and shuts down."""
        stop(self._postgres, how)
        time.sleep(rest)
        self._postgres = self._pair.postgres.start()

    def forget_sessions(self, place: Place) -> None:
        """All sign-ins of that database's site have expired."""
        with redis.Redis.from_url(place.variables()["REDIS_URL"]) as client:
            client.flushdb()

    def close(self) -> None:
        stop(self._postgres, signal.SIGQUIT)
        stop(self._redis, signal.SIGKILL)
        self.hands.shutdown()


@contextmanager
def machine() -> Iterator[Machine]:
    """A machine with the tables and the static files in place; gone afterwards with all that was stored."""
    home = Path(tempfile.mkdtemp(prefix="goldfold-storm-", dir="/tmp"))
    # Root's servers run under another number, which must be able to pass through.
    home.chmod(0o711)
    layout = Layout(home=home, sockets=home / "run")
    found = Machine(layout, prepare(layout, Path(sysconfig.get_path("purelib"))))
    try:
        found.place.manage("migrate", "--noinput", "--verbosity", "0")
        yield found
    finally:
        found.close()
        shutil.rmtree(home, ignore_errors=True)


def collect_static(place: Place) -> None:
    """As `make run` does before the first start."""
    mark = static.mark(ROOT)
    if not static.is_collected(ROOT, mark):
        place.manage("collectstatic", "--noinput", "--clear", "--verbosity", "0")
        static.note_collected(ROOT, mark)


class Site:
    """The site as `make run` serves it, at a port of its own; people reach it through `public`."""

    def __init__(self, place: Place) -> None:
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._place = place
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""

    def start(self, public: int) -> None:
        self._address = f"http://127.0.0.1:{public}"
        self._start()
        self._await()

    def kill(self, rest: float) -> None:
        """No process of it gets another word out; after `rest` seconds it is started again."""
        self.end()
        time.sleep(rest)
        self._start()

    def tend(self) -> None:
        """Start it again if it gave up, as a supervisor does."""
        if self._process is not None and self._process.poll() is not None:
            self.end()
            self._start()

    def end(self) -> None:
        if self._process is None:
            return
        # The workers too: they have its process group. It is there as long as nobody waited for the first process.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def _start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}", *SITE_OPTIONS]
        variables = self._place.variables() | {"SITE_URL": self._address}
        log = self._place.layout.logs / f"site-{self._place.database}.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def _await(self) -> None:
        until = time.monotonic() + READY_WITHIN
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/preparation.json", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if time.monotonic() > until:
                    raise
            time.sleep(0.1)
