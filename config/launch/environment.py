"""The clone's virtual environment: made, filled and kept up to date."""

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from config.launch.owner import dies_with_parent
from config.launch.problem import Problem

REQUIREMENTS = {"light": "requirements-site.txt", "heavy": "requirements.txt", "dev": "requirements-dev.txt"}
# What holds more: a machine that has the whole has its parts.
_HOLDS = {"light": ("light", "heavy", "dev"), "heavy": ("heavy", "dev"), "dev": ("dev",)}
_ROOM = {"light": 1_000, "heavy": 2_500, "dev": 3_000}  # megabytes, downloads and their unpacked content together


@dataclass(frozen=True)
class Environment:
    """The virtual environment of one clone."""

    clone: Path

    @property
    def folder(self) -> Path:
        return self.clone / ".venv"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        found = sorted(self.folder.glob("lib/python3.*/site-packages"))
        if not found:
            raise Problem(f"{self.folder} is no virtual environment: remove it and start again")
        return found[-1]

    def has(self, part: str) -> bool:
        """Whether the part, as the requirement files now describe it, is wholly installed."""
        try:
            noted = json.loads(self._note.read_text())
        except (FileNotFoundError, ValueError):
            return False
        wanted = self._wanted()
        return self.python.exists() and any(noted.get(name) == wanted for name in _HOLDS[part])

    def make(self) -> None:
        """Make the environment where there is none that works."""
        if self._works():
            return
        if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
            version = f"{sys.version_info[0]}.{sys.version_info[1]}"
            raise Problem(
                f"this Python has no venv module: install it (Debian, Ubuntu: apt install python{version}-venv)"
            )
        check_room(self.clone, _ROOM["light"])
        command = [sys.executable, "-m", "venv", "--clear", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            words = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise Problem(f"the virtual environment could not be made: {words[-1]}")

    def installer(self, part: str, log: Path, temporary: Path) -> "subprocess.Popen[bytes]":
        """Start pip for the part; it writes to `log`, and downloads to `temporary`. Call `note` when it ended well."""
        self._forget_half_installed()
        for place in (self.clone, temporary):
            check_room(place, _ROOM[part])
        command = [str(self.python), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
        command += ["--disable-pip-version-check", "--retries", "2", "-r", REQUIREMENTS[part]]
        with log.open("wb") as output:
            return subprocess.Popen(
                command,
                cwd=self.clone,
                env=self.variables() | {"PIP_USER": "0", "PYTHONUNBUFFERED": "1", "TMPDIR": str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGTERM),
            )

    def note(self, part: str) -> None:
        """Remember that the part is installed."""
        try:
            noted = json.loads(self._note.read_text())
        except (FileNotFoundError, ValueError):
            noted = {}
        draft = self._note.with_suffix(".new")
        draft.write_text(json.dumps(noted | {part: self._wanted()}))
        draft.replace(self._note)

    def variables(self) -> dict[str, str]:
        """The environment variables of a program that runs in this environment."""
        # Those of another Python, of pip's other aims, and of the make that runs this, would mislead what runs below.
        misleading = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
        kept = {key: value for key, value in os.environ.items() if key not in misleading}
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return kept | {"VIRTUAL_ENV": str(self.folder), "PATH": path}

    @property
    def _note(self) -> Path:
        return self.folder / "goldfold.json"

    def _works(self) -> bool:
        if not self.python.exists():
            return False
        if self._note.exists() and self.python.resolve().exists():
            return True
        probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
        return subprocess.run([self.python, "-c", probe], capture_output=True, check=False).returncode == 0

    def _wanted(self) -> str:
        digest = hashlib.sha256()
        for name in ("constraints.txt", *REQUIREMENTS.values()):
            digest.update((self.clone / name).read_bytes())
        return digest.hexdigest()

    def _forget_half_installed(self) -> None:
        """What pip was at when it was killed looks installed to it; INSTALLER is among the last files it writes."""
        for information in self.packages.glob("*.dist-info"):
            if not (information / "INSTALLER").exists():
                shutil.rmtree(information)


def check_room(folder: Path, megabytes: int) -> None:
    """Raise Problem unless the disk has that much room."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < megabytes:
        raise Problem(f"the disk of {folder} is too full: {free} MB are free, {megabytes} MB are needed")
