"""The heavy part: gigabytes on some platforms, so it is installed while the site is already being used."""

from pathlib import Path

from config.embedded import Layout
from config.launch.environment import Environment
from config.launch.installing import Installation
from config.launch.preparation import Preparation
from config.launch.problem import Problem
from config.launch.record import Hold
from config.launch.terminal import Terminal

NAME = "The part that finds faces and trains"


class HeavyPart:
    """Looked at in every turn of the launcher's loop, until it is there or has failed."""

    def __init__(self, environment: Environment, layout: Layout, terminal: Terminal) -> None:
        self._environment = environment
        self._logs = layout.logs
        self._terminal = terminal
        self._hold = Hold(layout.home / "install.lock")
        self._installation: Installation | None = None
        self._given_up = False
        self.told: Path = layout.home / "preparation.json"
        self.is_there = environment.has("heavy")
        Preparation("ready" if self.is_there else "installing", 0, "").write(self.told)

    def watch(self) -> bool:
        """Whether it has just become ready."""
        if self.is_there or self._given_up:
            return False
        try:
            self.is_there = self._advance()
        except Problem as problem:
            self.cancel()
            self._given_up = True
            Preparation("failed", 0, str(problem)).write(self.told)
            self._terminal.say(f"{NAME} could not be installed: {problem}. The site runs on; mend it and start again.")
            return False
        if self.is_there:
            self.cancel()
            Preparation("ready", 100, "").write(self.told)
            self._terminal.say(f"{NAME} is installed.")
        return self.is_there

    def cancel(self) -> None:
        if self._installation is not None:
            self._installation.cancel()
            self._installation = None
        self._hold.release()

    def _advance(self) -> bool:
        """One look at the installation, which begins when no other `make` is installing; whether the part is there."""
        if self._installation is None:
            if not self._hold.take():
                return False
            if self._environment.has("heavy"):
                return True
            self._installation = Installation(self._environment, "heavy", self._logs)
        if self._installation.finished():
            return True
        found = self._installation.look()
        Preparation("installing", found.percent, found.doing).write(self.told)
        self._terminal.progress(f"Installing: {NAME[0].lower()}{NAME[1:]}", found.percent, found.doing)
        return False
