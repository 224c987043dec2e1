"""Files that a browser sent, waiting for their import: below GOLDFOLD_HOME, in a folder of random name for each upload.

A file's own name is kept beside it and never becomes a path.
"""

from __future__ import annotations

import fcntl
import filecmp
import json
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from jobs.models import ACTIVE, Job
from labeler.sources import FileSource, in_natural_order, normal_name

# Photographs of patients must not lie about: what was never imported goes after a day.
KEPT_SECONDS = 24 * 3600


class NoSuchUpload(Exception):
    """No upload of that token, by that person, for that study."""


class NameSentTwice(Exception):
    """Two files of one upload have the same name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Two files are called “{name}”. Rename one, or send them in two imports.")


@dataclass(frozen=True, slots=True)
class Upload:
    token: str

    @property
    def folder(self) -> Path:
        return _root() / self.token

    def sources(self) -> list[FileSource]:
        """The files sent so far, in the natural order of their names."""
        if not self._names.exists():
            return []
        lines = self._names.read_text(encoding="utf-8").splitlines()
        return in_natural_order(
            FileSource(name, self.folder / str(place)) for place, name in enumerate(map(json.loads, lines))
        )

    def add(self, files: Iterable[tuple[str, Iterable[bytes]]]) -> int:
        """Store files, each a name and its bytes in chunks; returns how many there are now.

        A file that was sent before is taken once, so a part may be sent again when its answer was lost. Raises
        NameSentTwice when two different files have one name.
        """
        with self._locked():
            known = {source.name: source.path for source in self.sources()}
            for given, chunks in files:
                name = normal_name(given)
                path = self.folder / str(len(known))
                with path.open("wb") as file:
                    file.writelines(chunks)
                if name in known:
                    if not filecmp.cmp(path, known[name], shallow=False):
                        raise NameSentTwice(name)
                    continue
                with self._names.open("a", encoding="utf-8") as listed:
                    listed.write(json.dumps(name) + "\n")
                known[name] = path
            return len(known)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One part after the other: one sent again meets its first try, and two would store under one number."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def put_table(self, name: str, data: bytes) -> None:
        """Keep the table that tells more of the files."""
        self._put("table", name, data)

    def table(self) -> tuple[str, bytes] | None:
        """The table's name and bytes, where one was sent."""
        return self._paper("table")

    def put_manifest(self, name: str, data: bytes) -> None:
        """Keep the table that says at which addresses pictures are."""
        self._put("manifest", name, data)

    def manifest(self) -> tuple[str, bytes] | None:
        """That table's name and bytes, where one was sent."""
        return self._paper("manifest")

    def drop_tables(self) -> None:
        """Forget both tables; the files stay."""
        for paper in ("table", "manifest"):
            (self.folder / paper).unlink(missing_ok=True)

    def _put(self, paper: str, name: str, data: bytes) -> None:
        (self.folder / f"{paper}-name").write_text(name, encoding="utf-8")
        (self.folder / paper).write_bytes(data)

    def _paper(self, paper: str) -> tuple[str, bytes] | None:
        path = self.folder / paper
        name = self.folder / f"{paper}-name"
        return (name.read_text(encoding="utf-8"), path.read_bytes()) if path.exists() else None

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _names(self) -> Path:
        return self.folder / "names.jsonl"


def open_upload(study_id: int, user_id: int) -> Upload:
    """Begin an upload, which only this person can go on with, and only into this study."""
    upload = Upload(secrets.token_urlsafe(16))
    upload.folder.mkdir(mode=0o700, parents=True)
    (upload.folder / "owner.json").write_text(json.dumps([study_id, user_id]))
    return upload


def find_upload(token: str, study_id: int, user_id: int) -> Upload:
    """An upload begun before. Raises NoSuchUpload."""
    upload = Upload(token)
    owner = upload.folder / "owner.json"
    if not re.fullmatch(r"[A-Za-z0-9_-]{22}", token) or not owner.exists():
        raise NoSuchUpload
    if json.loads(owner.read_text()) != [study_id, user_id]:
        raise NoSuchUpload
    return upload


def _root() -> Path:
    return settings.GOLDFOLD_HOME / "uploads"


def sweep() -> None:
    """Remove uploads that nobody imported, and that no job waits to import."""
    old = time.time() - KEPT_SECONDS
    wanted = set(Job.objects.filter(state__in=ACTIVE).values_list("params__upload", flat=True))
    for folder in _root().glob("*"):
        if folder.name not in wanted and folder.stat().st_mtime < old:
            shutil.rmtree(folder, ignore_errors=True)
