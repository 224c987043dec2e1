"""Where a clone's own PostgreSQL, Redis and files are.

Pure: nothing is made, opened or started here. Every process of a clone (the site, its workers, `manage.py` in another
terminal) works the same addresses out from the clone's path, so that they meet without being told. The servers
themselves are started by `config.launch`.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

DATABASE = "goldfold"
POSTGRES_PORT = 5432  # only the socket's name is made of it: nothing listens on TCP
# A Unix socket's path holds 107 bytes on Linux and 103 on macOS.
LONGEST_SOCKET = 100
SHARED_ROOT = Path("/var/lib/goldfold")


@dataclass(frozen=True)
class Layout:
    """The folders of one pair of embedded servers: data below `home`, sockets in `sockets`."""

    home: Path
    sockets: Path

    @property
    def postgres_data(self) -> Path:
        return self.home / "postgres"

    @property
    def redis_data(self) -> Path:
        return self.home / "redis"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def redis_socket(self) -> Path:
        return self.sockets / "redis.sock"

    @property
    def database_url(self) -> str:
        return f"postgresql://{DATABASE}@/{DATABASE}?host={quote(str(self.sockets))}"

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.redis_socket))}"


@dataclass(frozen=True)
class Addresses:
    """What every process of a clone needs to know."""

    database_url: str
    redis_url: str
    home: Path


def layout(clone: Path) -> Layout:
    """The clone's folders.

    An ordinary user's are inside the clone. PostgreSQL refuses to run as root, so root's servers run under a user of
    their own, who may not be able to enter the folder that the clone is in; opening that folder to him would open it to
    everybody, so root's data are outside it, in a place named after the clone.
    """
    real = Path(os.path.realpath(clone))
    name = hashlib.sha256(os.fsencode(real)).hexdigest()[:16]
    home = SHARED_ROOT / name if os.geteuid() == 0 else real / "var"
    return Layout(home=home, sockets=_socket_folder(home, name))


def addresses(clone: Path) -> Addresses:
    """The addresses of the clone's embedded servers and the folder of its data; nothing is started."""
    found = layout(clone)
    return Addresses(database_url=found.database_url, redis_url=found.redis_url, home=found.home)


def _socket_folder(home: Path, name: str) -> Path:
    """A folder whose sockets have short plain names: inside `home`, or in /tmp where the clone lies deep.

    The path must not come from the environment (TMPDIR, XDG_RUNTIME_DIR): it differs between a terminal and a cron job.
    """
    inside = home / "run"
    longest = inside / f".s.PGSQL.{POSTGRES_PORT}.lock"
    if len(os.fsencode(longest)) <= LONGEST_SOCKET and re.fullmatch(r"[A-Za-z0-9/._-]+", str(inside)):
        return inside
    return Path(f"/tmp/goldfold-{os.geteuid()}-{name}")
