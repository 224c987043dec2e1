"""The embedded PostgreSQL: a real server, reachable through one closed folder's socket only."""

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from config.embedded import DATABASE, POSTGRES_PORT, Layout
from config.launch.owner import Owner, named_account
from config.launch.problem import Problem

READY_WITHIN = 60.0  # seconds; replaying the log after a power cut takes some
_INITDB = ("--auth=trust", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
# Nothing of a throw-away server has to survive it.
_THROW_AWAY = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "autovacuum=off")


@dataclass(frozen=True)
class Postgres:
    """One server's programs, data, socket and owner."""

    programs: Path
    layout: Layout
    owner: Owner
    throw_away: bool = False

    def start(self) -> "subprocess.Popen[bytes]":
        """Make the data if there are none, start the server, and return when it answers and the database is there."""
        if not self._data.is_dir():
            self._initialise()
        self._forget_dead_server()
        process = self.owner.spawn(
            [
                self.programs / "postgres",
                *("-D", self._data, "-k", self.layout.sockets, "-p", str(POSTGRES_PORT)),
                *("-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "timezone=UTC"),
                *(_THROW_AWAY if self.throw_away else ()),
            ],
            log=self._log,
            folder=self._data,
            stop=signal.SIGINT,
        )
        self._await(process)
        self._create_database()
        return process

    def _initialise(self) -> None:
        """Make an empty cluster, whole or not at all: it gets its place when it is complete."""
        draft = self._data.with_name("postgres.new")
        if draft.exists():
            shutil.rmtree(draft)
        maker = self.owner if self.owner.number is None else named_account()
        maker.own(draft)
        command: list[str | Path] = [self.programs / "initdb", "-D", draft, "-U", DATABASE, *_INITDB]
        if self.throw_away:
            command.append("--no-sync")
        process = maker.spawn(command, log=self._log, folder=draft, stop=signal.SIGTERM)
        if process.wait() != 0:
            raise Problem(f"PostgreSQL could not make its data folder; its last words: {last_words(self._log)}")
        if self.owner.number is not None:
            _give(draft, self.owner.number)
        draft.rename(self._data)

    def _forget_dead_server(self) -> None:
        """After a power cut the number in `postmaster.pid` may be another program's by now; PostgreSQL would refuse."""
        lock = self._data / "postmaster.pid"
        try:
            number = int(lock.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if not _is_postgres_of(number, self._data):
            lock.unlink()
            (self.layout.sockets / f".s.PGSQL.{POSTGRES_PORT}.lock").unlink(missing_ok=True)

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            if process.poll() is not None:
                raise Problem(f"PostgreSQL did not start; its last words: {last_words(self._log)}")
            if self._says_ready(process.pid):
                return
            time.sleep(0.02)
        process.kill()
        raise Problem(f"PostgreSQL was not ready within {READY_WITHIN:.0f} s; see {self._log}")

    def _says_ready(self, number: int) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(number) and lines[7].strip() == "ready"

    def _create_database(self) -> None:
        there = self._psql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'")
        if not there.strip():
            self._psql("postgres", f"CREATE DATABASE {DATABASE}")

    def _psql(self, database: str, statement: str) -> str:
        command = [self.programs / "psql", "-X", "-A", "-t", "-h", self.layout.sockets, "-p", str(POSTGRES_PORT)]
        command += ["-U", DATABASE, "-d", database, "-c", statement]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Problem(f"PostgreSQL answered: {' '.join(done.stderr.split())}")
        return done.stdout

    @property
    def _data(self) -> Path:
        return self.layout.postgres_data

    @property
    def _log(self) -> Path:
        return self.layout.logs / "postgres.log"


def last_words(log: Path) -> str:
    """The log's last telling line, for a message of one line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()[-30:] if line.strip()]
    telling = [
        line for line in lines if re.search(r"error|fatal|panic|could not|can't|denied|no space", line, re.IGNORECASE)
    ]
    return (telling or lines or ["none"])[-1]


def _is_postgres_of(number: int, data: Path) -> bool:
    """Whether process `number` is a PostgreSQL server with this data folder."""
    shown = _arguments_of(number)
    return "postgres" in shown and str(data) in shown


def _arguments_of(number: int) -> str:
    """The command line of a process; empty when there is none."""
    if not Path("/proc/self").exists():
        command = ["ps", "-ww", "-o", "args=", "-p", str(number)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _give(folder: Path, number: int) -> None:
    """Give a fresh folder and all that is in it to another user, following no link."""
    for place, _, names, descriptor in os.fwalk(folder):
        for name in names:
            os.chown(name, number, number, dir_fd=descriptor, follow_symlinks=False)
        os.chown(place, number, number, follow_symlinks=False)
