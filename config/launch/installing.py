"""Installing a part of the environment while its progress is told."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from config.launch import pip_log
from config.launch.environment import Environment
from config.launch.pip_log import Progress
from config.launch.problem import Problem
from config.launch.record import kill_group


class Installation:
    """One run of pip, watched from the launcher's loop."""

    def __init__(self, environment: Environment, part: str, logs: Path) -> None:
        self._environment = environment
        self._part = part
        self._log = logs / f"install-{part}.log"
        for stale in logs.parent.glob("pip-*"):
            shutil.rmtree(stale)
        # pip's downloads go here, where their growth can be seen; /tmp may be too small for them.
        self._folder = tempfile.TemporaryDirectory(prefix="pip-", dir=logs.parent)
        self._percent = 0
        self.process: subprocess.Popen[bytes] = environment.installer(part, self._log, Path(self._folder.name))

    def look(self) -> Progress:
        """How far it is; never less than before."""
        found = pip_log.read_progress(self._output(), _megabytes(Path(self._folder.name)))
        self._percent = max(self._percent, found.percent)
        return Progress(self._percent, found.doing)

    def finished(self) -> bool:
        """Whether it has ended well; raises Problem when it has failed."""
        code = self.process.poll()
        if code is None:
            return False
        self._folder.cleanup()
        if code != 0:
            raise Problem(f"{pip_log.failure(self._output())} (the whole story: {self._log})")
        self._environment.note(self._part)
        return True

    def cancel(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        kill_group(self.process.pid)
        self.process.wait()
        self._folder.cleanup()

    def _output(self) -> str:
        return self._log.read_text(errors="replace")


def _megabytes(folder: Path) -> float:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - ten thousand files a second
            except FileNotFoundError:
                continue
    return total / 1_000_000
