"""The site, served as `make run` serves it; or a build of it that leaks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket

from bench.attack.place import ROOT, Place
from config.launch.run import SITE_OPTIONS
from config.launch.servers import stop

READY_WITHIN = 60.0  # seconds


@contextmanager
def site(place: Place, leak: str = "") -> Iterator[int]:
    """Its port. `leak` names one of `bench.attack.leaks`."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    application = "bench.attack.leaky_site" if leak else "config.wsgi"
    log = place.layout.logs / f"site-{place.database}.log"
    variables = place.variables() | {"SITE_URL": f"http://127.0.0.1:{port}", "BENCH_LEAK": leak}
    command = [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", *SITE_OPTIONS]
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT)
    try:
        _await(process, port)
        yield port
    finally:
        stop(process, signal.SIGINT)  # at once: nobody waits for an answer


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + READY_WITHIN
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/preparation.json", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if process.poll() is not None or time.monotonic() > until:
                raise
        time.sleep(0.1)
