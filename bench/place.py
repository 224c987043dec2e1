"""A PostgreSQL, a Redis and a folder of files of the bench's own; and programs that run against them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from redis import Redis

from config.embedded import DATABASE, Layout
from config.launch.servers import prepare, stop

REDIS_DATABASES = 64
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Place:
    """One database on the bench's server, and the surroundings of a program that works on it."""

    layout: Layout
    database: str = DATABASE
    settings: str = "config.settings"

    @property
    def database_url(self) -> str:
        return urlunsplit(urlsplit(self.layout.database_url)._replace(path=f"/{self.database}"))

    def variables(self) -> dict[str, str]:
        own = {
            "DATABASE_URL": self.database_url,
            # Each database has its own: sessions and counts of sign-ins are of its people.
            "REDIS_URL": f"{self.layout.redis_url}?db={zlib.crc32(self.database.encode()) % REDIS_DATABASES}",
            "GOLDFOLD_HOME": str(self.layout.home / "files"),
            "DJANGO_SETTINGS_MODULE": self.settings,
            "LOG_LEVEL": "WARNING",
            "OMP_NUM_THREADS": "1",
        }
        return {**os.environ, **own}

    def run(self, function: str, *arguments: str) -> None:
        """Call `package.module:function` with these words in a process of its own, with Django set up."""
        module, name = function.split(":")
        program = (
            f"import sys, importlib, django; django.setup();importlib.import_module({module!r}).{name}(*sys.argv[1:])"
        )
        subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, env=self.variables(), check=True)

    def manage(self, *arguments: str) -> None:
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.variables(), check=True)

    def copy(self, name: str) -> Place:
        """The same server with a copy of this database; nobody may be connected to this one."""
        self._on_server(f"CREATE DATABASE {name} TEMPLATE {self.database}")
        return Place(self.layout, name)

    def fresh(self, name: str, settings: str = "config.settings") -> Place:
        """The same server with an empty database."""
        self._on_server(f"CREATE DATABASE {name}")
        return Place(self.layout, name, settings)

    def forget_files(self) -> None:
        """Have the machine drop the stored files from its memory, as after a restart; where it can be asked to."""
        if not hasattr(os, "posix_fadvise"):
            return
        for path in (self.layout.home / "files").rglob("*.jpg"):
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def processes(self) -> dict[str, int]:
        """The numbers of the two servers' first processes."""
        postgres = (self.layout.postgres_data / "postmaster.pid").read_text().split("\n", 1)[0]
        with Redis.from_url(self.layout.redis_url) as redis:
            return {"postgres": int(postgres), "redis": int(redis.info("server")["process_id"])}

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        connection = psycopg2.connect(self.database_url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def do(self, *statements: str) -> None:
        """Run statements one by one, each committed by itself."""
        connection = psycopg2.connect(self.database_url)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def settle(self) -> None:
        """What the server does by itself in a while: look at the tables that were written to, and write all down."""
        written = self.rows("SELECT relid::regclass::text FROM pg_stat_user_tables WHERE pg_relation_size(relid) > 0")
        self.do(f"VACUUM ANALYZE {', '.join(str(name) for (name,) in written)}", "CHECKPOINT")

    def _on_server(self, statement: str) -> None:
        Place(self.layout, "postgres").do(statement)


@contextmanager
def servers(throw_away: bool = True) -> Iterator[Place]:
    """A pair of servers, gone afterwards with all that was stored.

    `throw_away` spares them what only survival needs, such as waiting for the disk; without it they are as at home.
    """
    home = Path(tempfile.mkdtemp(prefix="goldfold-bench-", dir="/tmp"))
    # Root's servers run under another number, which must be able to pass through.
    home.chmod(0o711)
    layout = Layout(home=home, sockets=home / "run")
    pair = prepare(layout, Path(sysconfig.get_path("purelib")), throw_away=throw_away)
    redis = pair.redis.start()
    try:
        postgres = pair.postgres.start()
        try:
            yield Place(layout)
        finally:
            stop(postgres, signal.SIGQUIT)
    finally:
        stop(redis, signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)
