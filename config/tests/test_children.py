"""The processes of a run: started again when they die, all gone when it stops."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config.launch import children as module
from config.launch.children import Child, Children
from config.launch.owner import Owner
from config.launch.problem import Problem
from config.launch.record import Hold, Process, Record, birth_of, end_left_over


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def children(lines: list[str]) -> Children:
    return Children(say=lines.append, changed=lambda: None)


def _sleeper(folder: Path, program: str = "sleep 60") -> Callable[[], "subprocess.Popen[bytes]"]:
    return lambda: Owner().spawn(["sh", "-c", program], log=folder / "log", folder=folder, stop=signal.SIGTERM)


def _until(truth: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_child_that_died_is_started_again_and_told_once(children: Children, lines: list[str], tmp_path: Path) -> None:
    child = Child("worker", _sleeper(tmp_path), signal.SIGTERM, rank=0)
    children.add(child)
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    child.process.wait()
    child.pause = 0.01
    for _ in range(1500):
        children.watch()
        if child.alive:
            break
        time.sleep(0.02)
    assert child.alive and child.process is not None and child.process.pid != first
    assert len(lines) == 1 and "worker was killed by SIGKILL" in lines[0]
    children.stop()


def test_a_child_that_can_not_be_started_is_tried_again_later(children: Children, lines: list[str]) -> None:
    def refuse() -> "subprocess.Popen[bytes]":
        raise Problem("no room")

    child = Child("redis", refuse, signal.SIGTERM, rank=1)
    children.all.append(child)
    children.watch()
    children.watch()
    assert lines == ["The redis can't be started: no room"]
    assert child.again_at > time.monotonic()


def test_stopping_leaves_no_grandchild(children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    program = "trap '' TERM; sleep 20 & echo $! > pid; wait"
    children.add(Child("stubborn worker", _sleeper(tmp_path, program), signal.SIGTERM, rank=0))
    _until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip() != "")
    grandchild = int((tmp_path / "pid").read_text())
    assert birth_of(grandchild)
    began = time.monotonic()
    children.stop()
    assert time.monotonic() - began < 15
    _until(lambda: not birth_of(grandchild))


def test_the_servers_outlive_those_who_use_them(children: Children, tmp_path: Path) -> None:
    note = f"date +%s%N > {tmp_path}"
    for name, rank in (("redis", 1), ("site", 0)):
        ready = tmp_path / f"{name}-up"
        children.add(
            Child(
                name,
                _sleeper(tmp_path, f"trap '{note}/{name}; exit' TERM; touch {ready}; while :; do sleep 0.05; done"),
                signal.SIGTERM,
                rank,
            )
        )
        _until(ready.exists)
    children.stop()
    assert int((tmp_path / "site").read_text()) < int((tmp_path / "redis").read_text())


def test_only_one_launcher_holds_a_clone_and_a_killed_one_does_not(tmp_path: Path) -> None:
    script = (
        "import pathlib, time; from config.launch.record import Hold\n"
        f"hold = Hold(pathlib.Path({str(tmp_path / 'lock')!r})); print(hold.take(), flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert other.stdout is not None and other.stdout.readline() == b"True\n"
    hold = Hold(tmp_path / "lock")
    assert not hold.take()
    other.kill()
    other.communicate()
    assert hold.take()
    hold.release()


def test_what_a_killed_launcher_left_is_found_and_ended(tmp_path: Path) -> None:
    process = _sleeper(tmp_path)()
    record = Record(tmp_path / "launch.json")
    record.write("http://127.0.0.1:1", [Process("site", process.pid, birth_of(process.pid))])
    left_over = record.left_over()
    assert [entry.number for entry in left_over] == [process.pid]
    end_left_over(left_over)
    assert process.wait() != 0
    assert record.left_over() == []


def test_another_program_with_an_old_number_is_left_alone(tmp_path: Path) -> None:
    record = Record(tmp_path / "launch.json")
    record.write("http://127.0.0.1:1", [Process("site", os.getpid(), "another boot/1")])
    assert record.left_over() == []
