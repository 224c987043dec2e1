"""What one run of the launcher leaves for the next: who holds the clone, and which processes it started."""

import fcntl
import json
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

GRACE = 15.0  # seconds that a process of a killed launcher gets to end by itself


@dataclass(frozen=True)
class Process:
    """A process that was started; `birth` tells it from a later one with the same number."""

    name: str
    number: int
    birth: str


class Hold:
    """The right to do one thing in a clone; the system takes it back when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def take(self) -> bool:
        """Take the right; False when another process has it."""
        # Opened to append, so that what the holder wrote stays readable.
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


@dataclass
class Record:
    """The launcher's own number, its address, and its processes, in a file of the home."""

    path: Path

    def write(self, address: str, processes: list[Process]) -> None:
        draft = self.path.with_suffix(".new")
        content = {"launcher": os.getpid(), "address": address, "processes": [asdict(process) for process in processes]}
        draft.write_text(json.dumps(content))
        draft.replace(self.path)

    def launcher(self) -> tuple[int, str]:
        """The number and the address of the launcher that wrote the record; (0, "") where there is none."""
        content = self._read()
        return int(content.get("launcher", 0)), str(content.get("address", ""))

    def left_over(self) -> list[Process]:
        """The processes of an earlier launcher that still run."""
        noted = [Process(**entry) for entry in self._read().get("processes", [])]
        return [process for process in noted if birth_of(process.number) == process.birth]

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def end_left_over(processes: list[Process]) -> None:
    """End what a killed launcher left behind, each with its own children."""
    for process in processes:
        how = signal.SIGINT if process.name == "postgres" else signal.SIGTERM
        _signal(process.number, how)
    until = time.monotonic() + GRACE
    while time.monotonic() < until and any(birth_of(process.number) == process.birth for process in processes):
        time.sleep(0.05)
    for process in processes:
        kill_group(process.number)


def kill_group(number: int) -> None:
    """Kill whatever is left of a process's group: its workers, should it have died before them."""
    try:
        os.killpg(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def birth_of(number: int) -> str:
    """When the process began, with the boot it began in; empty when there is no such process."""
    status = Path(f"/proc/{number}/stat")
    if Path("/proc/self").exists():
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        if fields[0] == "Z":
            return ""
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{fields[19]}"
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(number)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def _signal(number: int, how: signal.Signals) -> None:
    try:
        os.kill(number, how)
    except ProcessLookupError:
        return
