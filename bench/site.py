"""The site, served as `make run` serves it; or another application in the same way."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from socket import socket

from bench.place import ROOT, Place
from config.launch.run import SITE_OPTIONS
from config.launch.servers import stop

READY_WITHIN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Served:
    """An application that answers at a port of this machine, and the process that began it."""

    port: int
    process: int


@contextmanager
def site(place: Place, leak: str = "") -> Iterator[int]:
    """Its port. `leak` names one of `bench.attack.leaks`."""
    application = "bench.attack.leaky_site" if leak else "config.wsgi"
    with served(place, application, {"BENCH_LEAK": leak}) as found:
        yield found.port


@contextmanager
def served(
    place: Place, application: str, more: Mapping[str, str] | None = None, ready: str = "/preparation.json"
) -> Iterator[Served]:
    """Gunicorn with the options of `make run`, until it answers at `ready`; `more` goes into its surroundings."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = place.layout.logs / f"site-{place.database}.log"
    variables = place.variables() | {"SITE_URL": f"http://127.0.0.1:{port}", **(more or {})}
    command = [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", *SITE_OPTIONS]
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT)
    try:
        _await(process, f"http://127.0.0.1:{port}{ready}")
        yield Served(port, process.pid)
    finally:
        stop(process, signal.SIGINT)  # at once: nobody waits for an answer


def _await(process: subprocess.Popen[bytes], address: str) -> None:
    until = time.monotonic() + READY_WITHIN
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if process.poll() is not None or time.monotonic() > until:
                raise
        time.sleep(0.1)
