"""The whole product as an operator starts it: database, site, workers, beat and scoring, each a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest

from config.testing import redis_database

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")
# Quick to notice a dead worker, so that the test need not wait; but one on a busy machine is not dead.
IMPATIENT = {"JOB_HEARTBEAT_SECONDS": "1", "JOB_DEAD_AFTER_SECONDS": "10"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, look: Callable[[], T | None], seconds: float = 180) -> T:
    """What `look` finds, tried until it is there; fails with a sentence when it never is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s for {what}")


class Product:
    """Its processes share one environment; `command` runs manage.py in it."""

    def __init__(self, home: Path, database_url: str, redis_url: str) -> None:
        self.logs = home / "logs"
        self.logs.mkdir(parents=True)
        self.port, self.scoring_port = free_port(), free_port()
        self.environment = {
            **os.environ,
            **IMPATIENT,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "GOLDFOLD_HOME": str(home / "files"),
            "SITE_URL": self.address,
            "PYTHONPATH": str(ROOT),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str, given: str | None = None) -> str:
        """Run a manage.py command; returns what it printed, fails when it failed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, name: str, *arguments: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_site(self) -> None:
        self.start("site", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{self.port}", "--threads", "4")
        wait_for("the site", lambda: answers(f"{self.address}/preparation.json"))

    def start_worker(self, queue: str) -> None:
        self.start(queue, "celery", "-A", "config", "worker", "-Q", queue, "-n", f"{queue}@%h", "-c", "1")

    def start_beat(self) -> None:
        schedule = str(self.logs / "beat")
        self.start("beat", "celery", "-A", "config", "beat", "--schedule", schedule, "--max-interval", "1")

    def start_scoring(self) -> None:
        self.start("scoring", "gunicorn", "config.scoring_wsgi", "--bind", f"127.0.0.1:{self.scoring_port}")
        wait_for("scoring", lambda: answers(f"http://127.0.0.1:{self.scoring_port}/api/v1/health"))

    def kill(self, name: str) -> None:
        """`kill -9` the process and its children."""
        os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes.pop(name).wait()

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Generator[Product, None, None]:
    """A running product with an empty database of its own; everything is gone afterwards."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = f"whole_product_{os.getpid()}"
    server = psycopg2.connect(os.environ["DATABASE_URL"])
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    redis_url = redis_database(os.environ["REDIS_URL"], 15)
    running = Product(tmp_path_factory.mktemp("product"), urlunsplit(parts._replace(path=f"/{name}")), redis_url)
    try:
        running.command("migrate", "--verbosity", "0")
        running.command("collectstatic", "--noinput", "--verbosity", "0")
        running.start_site()
        running.start_worker("light")
        running.start_beat()
        yield running
    finally:
        running.stop()
        with server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.close()
