"""A clone's PostgreSQL and Redis together: prepared, started, stopped."""

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from config.embedded import SHARED_ROOT, Layout
from config.launch.owner import Owner, owner_of
from config.launch.postgres import Postgres
from config.launch.programs import programs
from config.launch.redis import Redis

STOP_WITHIN = 20.0  # seconds; PostgreSQL writes a checkpoint


@dataclass(frozen=True)
class Servers:
    """What is needed to start either server."""

    postgres: Postgres
    redis: Redis


def prepare(layout: Layout, packages: Path, *, throw_away: bool = False) -> Servers:
    """Make the folders and find the programs; `packages` is the `site-packages` that has them.

    Raises Problem where this machine can't run them.
    """
    root = os.geteuid() == 0
    shared = make_open_folder(make_open_folder(SHARED_ROOT) / "programs") if root else None
    make_home(layout.home)
    owner = owner_of(layout.home)
    Owner().own(layout.logs)
    owner.own(layout.sockets)
    found = programs(packages, redis_data=layout.redis_data, shared=shared)
    return Servers(
        postgres=Postgres(found.postgres, layout, owner, throw_away),
        redis=Redis(found.redis, layout, owner, throw_away),
    )


def make_home(home: Path) -> None:
    """The folder of all data; root's may be passed through by the servers' user, but not listed."""
    if os.geteuid() != 0:
        home.mkdir(mode=0o700, exist_ok=True)
        return
    make_open_folder(home.parent)
    if not home.is_dir():
        home.mkdir()
        home.chmod(0o711)


def make_open_folder(folder: Path) -> Path:
    """Make a folder that everybody may enter; the mode of one that is there stays as it is."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    return folder


def stop(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """Ask the process to end, and end it when it does not."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
