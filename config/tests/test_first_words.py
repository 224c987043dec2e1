"""What the launcher says before anything is there: an old Python, a taken port, a wrong PORT."""

import ast
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config.launch import __main__ as entry
from config.launch.problem import Problem
from config.launch.where import Where

CLONE = Path(__file__).resolve().parents[2]


def _launch(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "config.launch", *arguments]
    return subprocess.run(
        command, cwd=CLONE, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("name", ["config/__init__.py", "config/launch/__init__.py", "config/launch/__main__.py"])
def test_an_old_python_can_read_as_far_as_the_message(name: str) -> None:
    ast.parse((CLONE / name).read_text(), feature_version=(3, 4))


def test_an_old_python_says_that_it_is_old(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 8, 18))
    monkeypatch.setenv("PATH", "/nowhere")
    assert entry.main() == 1
    assert capsys.readouterr().err == "Goldfold needs Python 3.11 or newer; this is 3.8.\n"


def test_an_old_python_hands_over_to_a_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python3.12").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert entry.newer_python()


def test_a_taken_port_is_told_in_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(Problem, match=f"port {port} .*another program has it.*make run PORT={port + 1}"):
            Where("127.0.0.1", port).refuse_if_taken()


def test_a_port_that_is_none_is_told_in_one_line() -> None:
    done = _launch("run", PORT="eighty")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "Goldfold: PORT=eighty is no port: give a number from 1 to 65535.\n"


@pytest.mark.parametrize(
    ("host", "bind", "address"),
    [
        ("127.0.0.1", "127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("::1", "[::1]:8000", "http://[::1]:8000"),
        ("0.0.0.0", "0.0.0.0:8000", f"http://{socket.gethostname()}:8000"),
    ],
)
def test_the_address_is_one_that_a_browser_takes(host: str, bind: str, address: str) -> None:
    where = Where(host, 8000)
    assert (where.bind, where.address) == (bind, address)


def test_every_target_of_the_makefile_is_explained() -> None:
    done = subprocess.run(["make", "help"], cwd=CLONE, capture_output=True, text=True, check=True)
    for target in ("run", "stop", "test", "lint", "bench", "install"):
        assert f"make {target} " in done.stdout
