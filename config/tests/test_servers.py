"""The embedded PostgreSQL and Redis keep what they were given, through a crash too."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
import redis

from config.embedded import SHARED_ROOT, Layout
from config.launch.owner import FIRST_NUMBER, LAST_NUMBER, Owner, owner_of
from config.launch.problem import Problem
from config.launch.programs import programs
from config.launch.redis import Redis
from config.launch.servers import Servers, prepare, stop

PACKAGES = Path(sysconfig.get_path("purelib"))
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root's servers run under a number of their own")


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    # Not pytest's folder: root's servers could not pass through it.
    folder = Path(tempfile.mkdtemp(prefix="goldfold-servers-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def layout(home: Path) -> Layout:
    return Layout(home=home, sockets=home / "run")


@pytest.fixture(scope="module")
def servers(layout: Layout) -> Servers:
    """Begun once, so that every test finds a database, in whatever order they come."""
    made = prepare(layout, PACKAGES, throw_away=True)
    stop(made.postgres.start(), signal.SIGINT)
    return made


@pytest.fixture
def lasting(servers: Servers, layout: Layout) -> Redis:
    """The Redis of `make run`, which keeps its data."""
    return Redis(servers.redis.program, layout, servers.redis.owner)


def _ask(layout: Layout, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(layout.database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def test_a_killed_postgresql_comes_back_with_its_data(servers: Servers, layout: Layout) -> None:
    stop(servers.postgres.start(), signal.SIGINT)
    lasting = replace(servers.postgres, throw_away=False)
    process = lasting.start()
    _ask(layout, "CREATE TABLE kept AS SELECT 7 AS grade")
    process.kill()
    process.wait()
    again = lasting.start()
    try:
        assert _ask(layout, "SELECT grade FROM kept") == [(7,)]
        assert _ask(layout, "SELECT current_setting('listen_addresses')") == [("",)]
    finally:
        stop(again, signal.SIGINT)


def test_a_lock_whose_number_is_another_programs_by_now_is_forgotten(servers: Servers, layout: Layout) -> None:
    stop(servers.postgres.start(), signal.SIGINT)
    sleeper = servers.postgres.owner.spawn(
        ["sleep", "30"], log=layout.logs / "sleeper.log", folder=Path("/"), stop=signal.SIGTERM
    )
    lock = layout.postgres_data / "postmaster.pid"
    lock.write_text(f"{sleeper.pid}\n{layout.postgres_data}\n1\n5432\n{layout.sockets}\n\n  1 1\nready   \n")
    (layout.sockets / ".s.PGSQL.5432.lock").write_text(f"{sleeper.pid}\n")
    try:
        stop(servers.postgres.start(), signal.SIGINT)
    finally:
        stop(sleeper, signal.SIGKILL)


def test_an_interrupted_beginning_is_begun_anew(servers: Servers, layout: Layout) -> None:
    whole = layout.postgres_data
    whole.rename(whole.with_name("aside"))
    (whole.with_name("postgres.new")).mkdir()
    (whole.with_name("postgres.new") / "PG_VERSION").write_text("18\n")
    process = servers.postgres.start()
    try:
        assert _ask(layout, "SELECT 1") == [(1,)]
    finally:
        stop(process, signal.SIGINT)
        shutil.rmtree(whole)
        whole.with_name("aside").rename(whole)


@pytest.mark.parametrize("kind", ["packaged", "redis-server", "valkey-server"])
def test_redis_keeps_what_waits_in_its_queues(
    kind: str, servers: Servers, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shutil.which(kind)
    if kind == "packaged":
        monkeypatch.setenv("PATH", str(tmp_path))
        shared = SHARED_ROOT / "programs" if os.geteuid() == 0 else None
        program = programs(PACKAGES, redis_data=tmp_path, shared=shared).redis
    elif found is None:
        pytest.skip(f"this machine has no {kind}")
    else:
        program = Path(found)
    server = Redis(program, layout, servers.redis.owner)
    process = server.start()
    redis.from_url(layout.redis_url).rpush(kind, "a task")
    stop(process, signal.SIGTERM)
    again = server.start()
    try:
        assert redis.from_url(layout.redis_url).lrange(kind, 0, -1) == [b"a task"]
    finally:
        stop(again, signal.SIGTERM)


def test_redis_sets_aside_data_that_it_can_not_read(lasting: Redis, layout: Layout) -> None:
    stop(lasting.start(), signal.SIGTERM)
    data = layout.redis_data / lasting.program.name
    (data / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    process = lasting.start()
    try:
        assert redis.from_url(layout.redis_url).ping()
        assert list(layout.redis_data.glob("*.broken-*"))
    finally:
        stop(process, signal.SIGTERM)


def test_data_stay_with_the_server_that_wrote_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "bin" / "redis-server"
    own.parent.mkdir()
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("PATH", str(own.parent))
    assert programs(PACKAGES, redis_data=tmp_path / "none", shared=None).redis == own
    (tmp_path / "used" / "valkey-server").mkdir(parents=True)
    assert programs(PACKAGES, redis_data=tmp_path / "used", shared=None).redis.is_relative_to(PACKAGES)


def test_sockets_are_closed_to_other_users(servers: Servers, layout: Layout) -> None:
    found = layout.sockets.stat()
    assert found.st_mode & 0o077 == 0
    assert layout.postgres_data.stat().st_mode & 0o077 == 0


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(Problem, match="open to others"):
        Owner().own(folder)


@as_root
def test_each_of_roots_clones_has_a_number_that_is_no_account(tmp_path: Path) -> None:
    numbers = []
    for name in ("1111111111111111", "2222222222221111"):
        number = owner_of(tmp_path / name).number
        assert number is not None and FIRST_NUMBER <= number <= LAST_NUMBER
        (tmp_path / name / "postgres").mkdir(parents=True)
        os.chown(tmp_path / name / "postgres", number, number)
        assert owner_of(tmp_path / name).number == number
        numbers.append(number)
    assert numbers[0] != numbers[1]


@as_root
def test_preparing_changes_no_existing_folders_mode(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    watched = [private, *private.parents, PACKAGES, *PACKAGES.parents, Path("/var/lib"), Path("/tmp")]
    before = {path: path.stat().st_mode for path in watched}
    prepare(Layout(home=private / "home", sockets=private / "home" / "run"), PACKAGES)
    assert {path: path.stat().st_mode for path in watched} == before


def test_servers_end_when_whoever_started_them_is_killed(home: Path) -> None:
    script = (
        "import sysconfig, pathlib, time\n"
        "from config.embedded import Layout\n"
        "from config.launch.servers import prepare\n"
        f"home = pathlib.Path({str(home)!r}) / 'short'\n"
        "prepare(Layout(home, home / 'run'), pathlib.Path(sysconfig.get_path('purelib'))).redis.start()\n"
        "print('up', flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert starter.stdout is not None and starter.stdout.readline() == b"up\n"
    starter.kill()
    starter.communicate()
    until = time.monotonic() + 60
    while _listens(home / "short" / "run" / "redis.sock"):
        assert time.monotonic() < until, "the server outlived its launcher"
        time.sleep(0.05)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True
