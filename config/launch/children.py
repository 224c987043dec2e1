"""The processes that a run consists of: started, watched, started again, stopped in order."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from config.launch.problem import Problem
from config.launch.record import Process, birth_of, kill_group

PATIENCE = 10.0  # seconds that a child gets to finish what it is at
LONGEST_PAUSE = 30.0  # seconds between two tries
STEADY = 60.0  # seconds after which a child counts as well again

Popen = subprocess.Popen


@dataclass
class Child:
    """One process, and how to start and stop it. Those of lower `rank` are stopped first."""

    name: str
    start: Callable[[], "Popen[bytes]"]
    stop: signal.Signals
    rank: int
    process: "Popen[bytes] | None" = None
    began: float = 0.0
    again_at: float = 0.0
    pause: float = 1.0

    def launch(self) -> None:
        self.process = self.start()
        self.began = time.monotonic()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass
class Children:
    """All of them. `say` prints a line; `changed` is called whenever a process was started."""

    say: Callable[[str], None]
    changed: Callable[[], None]
    all: list[Child] = field(default_factory=list)

    def add(self, child: Child) -> None:
        """Start it, and keep it running from now on."""
        self.all.append(child)
        child.launch()
        self.changed()

    def watch(self) -> None:
        """Start again what has died, with growing pauses."""
        now = time.monotonic()
        for child in self.all:
            if child.alive:
                continue
            if child.process is not None:
                self._mourn(child, now)
            elif now >= child.again_at:
                self._revive(child)

    def processes(self) -> list[Process]:
        """What runs now."""
        return [
            Process(child.name, child.process.pid, birth_of(child.process.pid))
            for child in self.all
            if child.process is not None
        ]

    def stop(self) -> None:
        """Stop all, the servers last; what does not end in time is ended."""
        for rank in sorted({child.rank for child in self.all}):
            group = [child for child in self.all if child.rank == rank]
            for child in group:
                if child.process is not None and child.alive:
                    child.process.send_signal(child.stop)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until and any(child.alive for child in group):
                time.sleep(0.02)
            for child in group:
                if child.process is not None:
                    kill_group(child.process.pid)
                    child.process.wait()

    def _mourn(self, child: Child, now: float) -> None:
        assert child.process is not None
        code = child.process.returncode
        kill_group(child.process.pid)
        child.process = None
        child.pause = 1.0 if now - child.began > STEADY else min(LONGEST_PAUSE, child.pause * 2)
        child.again_at = now + child.pause
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        self.say(f"The {child.name} {how}; starting it again in {child.pause:.0f} s.")

    def _revive(self, child: Child) -> None:
        try:
            child.launch()
        except Problem as problem:
            child.pause = min(LONGEST_PAUSE, child.pause * 2)
            child.again_at = time.monotonic() + child.pause
            self.say(f"The {child.name} can't be started: {problem}")
            return
        self.changed()
