"""Who runs the embedded servers.

An ordinary user runs them himself. Root can't: PostgreSQL refuses. So root's servers run under a number that belongs to
no account: nobody signs in with it, no other program runs under it, nothing is added to the machine's list of users,
and each clone has its own.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.launch.problem import Problem

# systemd's documentation lists 60706–61183 as used by no one; a container maps numbers below 65536 only.
FIRST_NUMBER, LAST_NUMBER = 60706, 61183
_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Owner:
    """The user and group number under which a server runs; None for whoever runs the launcher."""

    number: int | None = None

    def spawn(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        folder: Path,
        stop: signal.Signals,
        variables: dict[str, str] | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start `command` as this owner in a session of its own (a Ctrl-C in the terminal is the launcher's alone)."""
        with log.open("ab") as output:
            return subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=_plain_environment() if variables is None else variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0o077,
                preexec_fn=dies_with_parent(stop),
                user=self.number,
                group=self.number,
                extra_groups=None if self.number is None else [],
            )

    def own(self, path: Path) -> None:
        """Make the folder `path`, closed to everybody else."""
        made = not path.exists()
        path.mkdir(mode=0o700, exist_ok=True)
        if made and self.number is not None:
            os.chown(path, self.number, self.number)
        found = path.lstat()
        expected = os.geteuid() if self.number is None else self.number
        if path.is_symlink() or found.st_uid != expected or found.st_mode & 0o077:
            raise Problem(f"{path} belongs to somebody else, or is open to others: move it away and start again")


def owner_of(home: Path) -> Owner:
    """The owner of the servers whose data are in `home`; for root, a number that no other clone has."""
    if os.geteuid() != 0:
        return Owner()
    data = home / "postgres"
    if data.exists() and FIRST_NUMBER <= data.stat().st_uid <= LAST_NUMBER:
        return Owner(data.stat().st_uid)
    taken = {entry.stat().st_uid for entry in home.parent.glob("*/postgres")}
    count = LAST_NUMBER - FIRST_NUMBER + 1
    wanted = int.from_bytes(home.name.encode()[-4:], "big")
    for step in range(count):
        number = FIRST_NUMBER + (wanted + step) % count
        if number not in taken and not _is_account(number):
            return Owner(number)
    raise Problem(f"no free user number for the database between {FIRST_NUMBER} and {LAST_NUMBER}")


def named_account() -> Owner:
    """An account that exists, for `initdb`, which refuses a number without a name; only for that second."""
    for name in ("nobody", "daemon"):
        try:
            return Owner(pwd.getpwnam(name).pw_uid)
        except KeyError:
            continue
    raise Problem("neither of the accounts nobody and daemon exists here: run Goldfold as an ordinary user")


def dies_with_parent(stop: signal.Signals) -> Callable[[], None] | None:
    """What a child does before it begins, so that Linux sends it `stop` should its parent be killed."""
    libc = _LIBC
    if libc is None:
        return None
    parent = os.getpid()

    def prepare() -> None:
        libc.prctl(_SET_DEATH_SIGNAL, int(stop))
        if os.getppid() != parent:  # killed in between: the signal will not come any more
            os._exit(1)

    return prepare


def _is_account(number: int) -> bool:
    try:
        pwd.getpwuid(number)
    except KeyError:
        return False
    return True


def _plain_environment() -> dict[str, str]:
    """PostgreSQL's messages in English, and none of the user's PG… variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
