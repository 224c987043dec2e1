"""How much memory processes hold, looked at while something goes on."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

_EVERY = 0.02  # seconds


def processes_with(word: str) -> list[int]:
    """The processes that have this in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if word.encode() in command:
            found.append(int(folder.name))
    return found


def resident(process: int) -> int:
    """Bytes in memory; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)


class Watch:
    """The most that any one of the processes has grown while this is open, in bytes."""

    def __init__(self, processes: list[int]) -> None:
        self._idle = {process: resident(process) for process in processes}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.grown = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            self.grown = max(self.grown, *(resident(process) - idle for process, idle in self._idle.items()))
            if self._over.wait(_EVERY):
                return
