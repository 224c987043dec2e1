"""One assignment in a process of its own: how long it takes, and how much memory it and its server process need."""

from __future__ import annotations

import json
import re
import resource
import sys
import threading
import time
from pathlib import Path

from django.db import connection

from accounts import audit
from bench.dealing.rows import NAME
from labeler.assignment import assign
from labeler.models import Study

_LOOK_EVERY = 0.05  # seconds
# ru_maxrss is in KiB on Linux and in bytes on macOS.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def measure(out: str) -> None:
    """Assign, and write down seconds, MiB and when each phase began."""
    study = Study.objects.get(name=NAME)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = _Watched(cursor.fetchone()[0])
    idle = _peak_mib()
    phases: list[tuple[str, float]] = []
    began = time.monotonic()

    def report(done: int, total: int, message: str) -> None:
        name = message.partition(":")[0]
        if name not in (told for told, _ in phases):
            phases.append((name, time.monotonic() - began))

    with backend:
        assign(study, actor=audit.SYSTEM, report=report)
        seconds = time.monotonic() - began
    found = {"seconds": seconds, "mib": _peak_mib(), "idle": idle, "server_mib": backend.most, "phases": phases}
    Path(out).write_text(json.dumps(found))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT / 2**20


class _Watched:
    """Watches how much memory of its own a process has, without what it shares; 0 where the system doesn't tell."""

    def __init__(self, number: int) -> None:
        self._status = Path(f"/proc/{number}/status")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.most = 0.0

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while self._status.exists():
            own = re.search(r"RssAnon:\s+(\d+) kB", self._status.read_text())
            self.most = max(self.most, int(own.group(1)) / 1024 if own else 0.0)
            if self._ended.wait(_LOOK_EVERY):
                return
