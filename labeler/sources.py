"""The files of one import, in the natural order of their names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MAX_FILE_BYTES = 200 * 1024 * 1024
MAX_NAME = 255


class Unreadable(Exception):
    """A file that can't be taken in as a picture's bytes; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file to import: the name that the study knows it by, and where its bytes are."""

    name: str
    path: Path

    def read(self) -> bytes:
        """The file's bytes. Raises Unreadable."""
        try:
            self.name.encode()
        except UnicodeEncodeError as error:
            raise Unreadable("The file's name is not valid Unicode; rename it.") from error
        if len(self.name) > MAX_NAME:
            raise Unreadable(f"The file's name is longer than {MAX_NAME} characters; rename it.")
        try:
            if self.path.stat().st_size > MAX_FILE_BYTES:
                raise Unreadable(f"The file is larger than {MAX_FILE_BYTES // 1024**2} MB.")
            return self.path.read_bytes()
        except OSError as error:
            raise Unreadable(f"The file can't be read: {error.strerror}.") from error


def normal_name(name: str) -> str:
    """One spelling for names that look alike: macOS splits é in two characters, a spreadsheet does not."""
    return unicodedata.normalize("NFC", name)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts image_9 before image_10."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts if part] + [
        (2, 0, name)
    ]


def in_natural_order(sources: Iterable[Source]) -> list[Source]:
    return sorted(sources, key=lambda source: natural_key(source.name))


def scan_folder(folder: Path, *, leave_out: Path | None = None) -> list[Source]:
    """Every file below `folder`, named by its path from there; hidden files, and the table itself, are left out.

    Raises NotADirectoryError.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder.")
    skipped = leave_out.resolve() if leave_out is not None else None
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.is_file() and not hidden and path.resolve() != skipped:
            found.append(Source(normal_name(relative.as_posix()), path))
    return in_natural_order(found)
