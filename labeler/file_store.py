"""The files below GOLDFOLD_HOME: pictures as they came, what raters are served of them, and frozen manifests.

A path here is made of numbers and digests, never of a name that somebody gave. Originals are named after their content;
a rendition's name is keyed with the site's secret, so that it tells nothing, and writing it again after a crash meets
the same file instead of leaving one that no row knows.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

# After so long without a change, nobody is writing a file any more.
PART_SECONDS = 24 * 3600


def keep_original(study_id: int, data: bytes, sha256: str = "") -> str:
    """Store a picture byte for byte; returns its path below the store. `sha256` saves working it out again."""
    digest = sha256 or hashlib.sha256(data).hexdigest()
    relative = f"studies/{study_id}/originals/{digest[:2]}/{digest}"
    keep(relative, data)
    return relative


def keep_rendition(study_id: int, sha256: str, data: bytes) -> str:
    """Store what raters are served of the picture with that content; returns its path below the store."""
    relative = rendition_path(study_id, sha256)
    keep(relative, data)
    return relative


def rendition_path(study_id: int, sha256: str) -> str:
    """Where the display copy of the picture with that content lies."""
    return _keyed("rendition", study_id, sha256)


def thumbnail_path(study_id: int, sha256: str) -> str:
    """Where the small copy of the picture with that content lies, once somebody has looked at it."""
    return _keyed("thumbnail", study_id, sha256)


def _keyed(kind: str, study_id: int, sha256: str) -> str:
    name = hmac.new(settings.SECRET_KEY.encode(), f"{kind} {study_id} {sha256}".encode(), hashlib.sha256).hexdigest()
    return f"studies/{study_id}/{kind}s/{name[:2]}/{name[:40]}.jpg"


def path_of(relative: str) -> Path:
    """Where a stored file is. Only for paths that this module returned and a row kept."""
    return settings.GOLDFOLD_HOME / relative


def read(relative: str) -> bytes:
    """A stored file's bytes. Raises FileNotFoundError."""
    return path_of(relative).read_bytes()


def keep(relative: str, data: bytes) -> None:
    """Store a file whose path tells its content, so one that is there already is the same.

    Whole or not at all, and on the disk before this returns, so that a row never names a file that isn't there.
    """
    path = path_of(relative)
    if path.exists():
        return
    with _whole_file(path.parent) as (file, name):
        file.write(data)
        name.append(path.name)


def keep_link(source: str, relative: str) -> None:
    """Store under a second path what lies under `source`: the same bytes on the disk once, where it allows that."""
    path = path_of(relative)
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(path_of(source), path)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without hard links
        keep(relative, read(source))


def keep_stream(folder: str, write: Callable[[BinaryIO], str]) -> str:
    """Store what `write` writes, too long to be held in memory; it returns the name, known when all is written.

    Returns the path below the store. Whole or not at all, as with `keep`.
    """
    with _whole_file(path_of(folder)) as (file, name):
        name.append(write(file))
    return f"{folder}/{name[0]}"


@contextmanager
def _whole_file(folder: Path) -> Iterator[tuple[BinaryIO, list[str]]]:
    """A file to write, which takes the name that is put into the list, or vanishes."""
    for needed in (folder, _parts()):
        needed.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=_parts())
    name: list[str] = []
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, name
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(folder / name[0])
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _parts() -> Path:
    """Where files are while they are written: all in one folder, so that what a kill left is found."""
    return path_of("studies/.parts")


def sweep() -> None:
    """Remove what killed processes left of files that they wrote: it may be half a photograph, and no row knows it."""
    old = time.time() - PART_SECONDS
    for part in _parts().glob("*"):
        with suppress(FileNotFoundError):  # it was finished, or swept, this very moment
            if part.stat().st_mtime < old:
                part.unlink()
