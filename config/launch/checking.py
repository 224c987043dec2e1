"""`make test` and its parts: the same environment, with the tools that check."""

import signal
import subprocess
import time
from pathlib import Path

from config.embedded import layout
from config.launch import servers
from config.launch.environment import Environment
from config.launch.installing import Installation
from config.launch.owner import Owner
from config.launch.record import Hold
from config.launch.terminal import Terminal

LINTERS = {
    "ruff": ["-m", "ruff", "check", "."],
    "format": ["-m", "ruff", "format", "--check", "--quiet", "."],
    "layers": ["-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
    "mypy": ["-m", "mypy", "."],
}
# As many processes as there are cores, and a file to each: the whole product, which comes first, starts once.
PYTEST = ["-m", "pytest", "-n", "logical", "--maxprocesses", "8", "--dist", "loadfile", "--no-loadscope-reorder"]


def check(clone: Path, what: str, rest: list[str]) -> int:
    """Install what is missing, then lint, test or measure; the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    environment = Environment(clone)
    try:
        install(environment)
        if what == "install":
            return 0
        if what == "bench":
            return _python(environment, ["-m", "bench", *rest])
        steps = LINTERS if what == "lint" else LINTERS | {"tests": [*PYTEST, *rest]}
        return _do(environment, steps)
    except KeyboardInterrupt:
        Terminal().say("Stopped.")
        return 130


def install(environment: Environment) -> None:
    """Bring the whole environment, with the tools that check, up to date."""
    if environment.has("dev"):
        return
    terminal = Terminal()
    home = layout(environment.clone).home
    servers.make_home(home)
    Owner().own(home / "logs")
    hold = Hold(home / "install.lock")
    while not hold.take():
        terminal.progress("Waiting", 0, "another make installs")
        time.sleep(0.5)
    environment.make()
    installation = Installation(environment, "dev", home / "logs")
    try:
        while not installation.finished():
            time.sleep(0.2)
            found = installation.look()
            terminal.progress("Installing", found.percent, found.doing)
    finally:
        installation.cancel()
        hold.release()
    terminal.say("Installed.")


def _do(environment: Environment, steps: dict[str, list[str]]) -> int:
    terminal = Terminal()
    began = time.monotonic()
    failed = []
    for name, arguments in steps.items():
        terminal.say(f"--- {name}")
        if _python(environment, arguments) != 0:
            failed.append(name)
    took = time.monotonic() - began
    if failed:
        terminal.say(f"\nNot good: {', '.join(failed)} failed ({took:.0f} s).")
        return 1
    terminal.say(f"\nAll good: {', '.join(steps)} passed ({took:.0f} s).")
    return 0


def _python(environment: Environment, arguments: list[str]) -> int:
    command = [str(environment.python), *arguments]
    return subprocess.run(command, cwd=environment.clone, env=environment.variables(), check=False).returncode
