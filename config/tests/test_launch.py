"""`make run` in a clone of its own: up, down, and up again."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from config.embedded import layout
from config.launch.environment import Environment
from config.launch.record import Record, birth_of

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The project's files and this environment's packages: installing is the newcomer benchmark's business."""
    folder = tmp_path_factory.mktemp("a clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    ).stdout
    for name in listed.decode().split("\0"):
        if name and (PROJECT / name).exists() and not name.endswith("create_demo.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    (folder / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    Environment(folder).note("dev")
    yield folder
    shutil.rmtree(layout(folder).home, ignore_errors=True)


class Launcher:
    """`make run` as a person at a terminal has it: Ctrl-C reaches make and what it runs."""

    def __init__(self, clone: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.clone = clone
        dropped = {"DATABASE_URL", "REDIS_URL", "GOLDFOLD_HOME", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
        inherited = {key: value for key, value in os.environ.items() if key not in dropped}
        self.environment = inherited | {"PORT": str(self.port)}
        self.process = subprocess.Popen(
            ["make", "run"],
            cwd=clone,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines += self.process.stdout

    def until_up(self) -> None:
        end = time.monotonic() + 180
        while not any("Goldfold is at" in line for line in list(self.lines)):
            assert self.process.poll() is None and time.monotonic() < end, "".join(self.lines)
            time.sleep(0.05)

    def make(self, target: str) -> "subprocess.CompletedProcess[str]":
        """Another `make` in another terminal."""
        command = ["make", target]
        return subprocess.run(
            command, cwd=self.clone, env=self.environment, capture_output=True, text=True, check=False, timeout=180
        )

    def numbers(self) -> list[int]:
        return [process.number for process in Record(layout(self.clone).home / "launch.json").left_over()]

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(180)


def _gone(numbers: list[int], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while any(birth_of(number) for number in numbers):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _running_in(clone: Path) -> list[str]:
    """The command lines of whatever still runs of the clone or of its servers, given a moment to end."""
    end = time.monotonic() + 60
    while True:
        shown = subprocess.run(["ps", "axww", "-o", "args="], capture_output=True, text=True, check=True).stdout
        found = [line for line in shown.splitlines() if str(clone) in line or str(layout(clone).home) in line]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.1)


@pytest.fixture
def start(clone: Path) -> Iterator[Callable[[], Launcher]]:
    """Starts launchers, and ends those that a failing test leaves."""
    started: list[Launcher] = []

    def begin() -> Launcher:
        started.append(Launcher(clone))
        return started[-1]

    yield begin
    for launcher in started:
        if launcher.process.poll() is None:
            launcher.interrupt()


def test_a_run_comes_up_tells_a_second_one_and_ends_whole(clone: Path, start: Callable[[], Launcher]) -> None:
    launcher = start()
    launcher.until_up()
    with urlopen(f"http://127.0.0.1:{launcher.port}/preparation.json", timeout=60) as answer:
        assert answer.status == 200
    second = launcher.make("run")
    assert second.stdout.startswith(f"Goldfold already runs at http://127.0.0.1:{launcher.port} ")
    assert second.stdout.count("\n") == 1
    numbers = launcher.numbers()
    assert len(numbers) >= 3
    launcher.interrupt()
    assert _gone(numbers, 0)
    assert _running_in(clone) == []
    assert "Traceback" not in "".join(launcher.lines)


def test_a_killed_launcher_takes_its_processes_along_and_can_be_started_again(
    clone: Path, start: Callable[[], Launcher]
) -> None:
    launcher = start()
    launcher.until_up()
    numbers = launcher.numbers()
    os.killpg(launcher.process.pid, signal.SIGKILL)
    launcher.process.wait()
    assert _gone(numbers, 30)
    assert _running_in(clone) == []
    again = start()
    again.until_up()
    assert again.make("stop").returncode == 0
    again.process.wait(60)
    assert _running_in(clone) == []
