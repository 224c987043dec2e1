"""Installing: what is told while it goes on, and the one line when it fails."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from config.launch import pip_log
from config.launch.environment import REQUIREMENTS, Environment, check_room
from config.launch.problem import Problem

CLONE = Path(__file__).resolve().parents[2]
FETCHING = """Collecting torch==2.13.0 (from -r requirements.txt (line 8))
  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (29 kB)
Collecting filelock (from torch==2.13.0->-r requirements.txt (line 8))
  Downloading filelock-4.2.11-py3-none-any.whl.metadata (3.1 kB)
Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (200.0 MB)
"""


def test_progress_follows_the_bytes_fetched() -> None:
    half = pip_log.read_progress(FETCHING, 100.0)
    whole = pip_log.read_progress(FETCHING, 200.0)
    assert 35 <= half.percent <= 45
    assert 75 <= whole.percent < 100
    assert "torch" in half.doing


def test_unpacking_comes_last() -> None:
    output = FETCHING + "Installing collected packages: filelock, torch\n"
    assert pip_log.read_progress(output, 0.0).percent > pip_log.read_progress(FETCHING, 200.0).percent


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError'\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "registry can't be reached",
        ),
        ("ERROR: No matching distribution found for dlib-bin==20.0.1", "no ready-made package dlib-bin==20.0.1"),
        ("ERROR: Exception: [Errno 13] Permission denied: '/x'", "may not write"),
        ("ERROR: something new", "something new"),
    ],
)
def test_a_failure_is_told_in_one_line(output: str, told: str) -> None:
    line = pip_log.failure(output)
    assert told in line
    assert "\n" not in line


def test_pip_itself_gives_the_line_for_a_package_that_is_not_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(tmp_path), "dlib-bin==1"]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "no ready-made package dlib-bin==1" in pip_log.failure(output.stdout + output.stderr)


def _clone(tmp_path: Path) -> Environment:
    for name in ("constraints.txt", *REQUIREMENTS.values()):
        shutil.copy(CLONE / name, tmp_path / name)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return Environment(tmp_path)


def test_what_is_installed_is_not_installed_again_until_the_requirements_change(tmp_path: Path) -> None:
    environment = _clone(tmp_path)
    assert not environment.has("light")
    environment.note("light")
    assert environment.has("light") and not environment.has("heavy")
    environment.note("dev")
    assert environment.has("heavy")
    (tmp_path / "requirements-site.txt").write_text("Django==6\n")
    assert not environment.has("light")


def test_a_half_installed_package_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    environment = _clone(tmp_path)
    packages = tmp_path / ".venv" / "lib" / "python3.11" / "site-packages"
    for name in ("half-1.dist-info", "whole-1.dist-info"):
        (packages / name).mkdir(parents=True)
    (packages / "whole-1.dist-info" / "INSTALLER").write_text("pip\n")
    process = environment.installer("light", tmp_path / "log", tmp_path)
    process.kill()
    process.wait()
    assert [path.name for path in packages.iterdir()] == ["whole-1.dist-info"]


def test_a_missing_venv_module_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Problem, match=r"apt install python3\.\d+-venv"):
        Environment(tmp_path).make()


def test_a_disk_without_room_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="too full"):
        check_room(tmp_path, megabytes=10**9)


def test_every_requirement_is_pinned_and_the_site_needs_nothing_heavy() -> None:
    for name in ("constraints.txt", *REQUIREMENTS.values()):
        for line in (CLONE / name).read_text().splitlines():
            assert re.fullmatch(r"(#.*|-r .*|-c .*|--\S+ \S+|[A-Za-z0-9_.-]+(\[\w+\])?==[\w.]+)", line), (
                f"{name}: {line}"
            )
    assert not re.search(r"^(torch|torchvision|dlib)", (CLONE / "requirements-site.txt").read_text(), re.MULTILINE)


def test_the_tests_run_on_what_is_pinned() -> None:
    """What is tested is what a newcomer gets."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    here = {entry["name"].lower().replace("_", "-"): entry["version"] for entry in json.loads(listed.stdout)}
    for name in ("constraints.txt", *REQUIREMENTS.values()):
        for package, version in re.findall(r"^([A-Za-z0-9_.-]+)(?:\[\w+\])?==(\S+)$", (CLONE / name).read_text(), re.M):
            found = here.get(package.lower().replace("_", "-"), version)
            assert found.split("+")[0] == version, f"{package} is {found} here, and {version} in {name}"
