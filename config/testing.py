"""The tests' own PostgreSQL and Redis: a pytest plugin.

One throw-away pair for a test run, shared by all its processes: pytest-xdist's workers inherit the addresses from the
process that started them. With DATABASE_URL and REDIS_URL set, those are used instead. It is a plugin named in
`pyproject.toml`, because Django's settings are read before any `conftest.py` is.
"""

import atexit
import os
import shutil
import signal
import sysconfig
import tempfile
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from config.embedded import Layout
from config.launch.servers import prepare, stop


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Servers first, then whatever reads the settings."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        _start()
    else:
        _take_own_share(worker)
    return (yield)


def _start() -> None:
    home = Path(tempfile.mkdtemp(prefix="goldfold-test-", dir="/tmp"))
    # Root's servers run under another number, which must be able to pass through.
    home.chmod(0o711)
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["GOLDFOLD_HOME"] = str(home / "files")
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        return
    layout = Layout(home=home, sockets=home / "run")
    servers = prepare(layout, Path(sysconfig.get_path("purelib")), throw_away=True)
    if "REDIS_URL" not in os.environ:
        atexit.register(stop, servers.redis.start(), signal.SIGKILL)
        os.environ["REDIS_URL"] = layout.redis_url
    if "DATABASE_URL" not in os.environ:
        # SIGQUIT: end at once, without a checkpoint that nobody will read.
        atexit.register(stop, servers.postgres.start(), signal.SIGQUIT)
        os.environ["DATABASE_URL"] = layout.database_url


def _take_own_share(worker: str) -> None:
    """pytest-django gives each worker a database of its own; this gives it a Redis database and a folder."""
    number = int(worker.removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = redis_database(os.environ["REDIS_URL"], number)
    os.environ["GOLDFOLD_HOME"] = str(Path(os.environ["GOLDFOLD_HOME"]).with_name(f"files-{worker}"))


def redis_database(url: str, number: int) -> str:
    """The same server's database of that number."""
    server = url.partition("?")[0]
    if server.startswith("unix://"):
        return f"{server}?db={number}"
    return urlunsplit(urlsplit(server)._replace(path=f"/{number}"))
