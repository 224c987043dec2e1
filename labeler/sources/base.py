"""What every kind of source is, and how files are named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

MAX_FILE_BYTES: Final = 200 * 1024 * 1024
MAX_NAME: Final = 255
TOO_LARGE: Final = f"The file is larger than {MAX_FILE_BYTES // 1024**2} MB."
SMALLER: Final = "Save a smaller copy, and import that."


class Unreadable(Exception):
    """A file that can't be taken in as a picture's bytes; `reason` says why, and `remedy` what to do, to people."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class Source(Protocol):
    """One file to import: the name that the study knows it by, and its bytes."""

    @property
    def name(self) -> str: ...

    @property
    def mark(self) -> str:
        """What changes when the file does and is known without reading it; empty where only its bytes tell."""

    def read(self) -> bytes:
        """The file's bytes. Raises Unreadable."""


@dataclass(frozen=True, slots=True)
class RefusedSource:
    """A file that was found and is not taken: it has its row in the report."""

    name: str
    reason: str
    remedy: str
    mark: str = ""

    def read(self) -> bytes:
        raise Unreadable(self.reason, self.remedy)


def checked_name(name: str) -> str:
    """The name as it is. Raises Unreadable where the study can't know a file by it."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise Unreadable("The file's name is not valid Unicode.", "Rename the file.") from error
    if len(name) > MAX_NAME:
        raise Unreadable(f"The file's name is longer than {MAX_NAME} characters.", "Rename the file.")
    if not name or any(unicodedata.category(letter) == "Cc" for letter in name):
        raise Unreadable("The file's name is empty or holds control characters.", "Rename the file.")
    return name


def normal_name(name: str) -> str:
    """One spelling for names that look alike: macOS splits é in two characters, a spreadsheet does not."""
    return unicodedata.normalize("NFC", name)


def printable(name: str) -> str:
    """A file name that may be no Unicode, as something that a page and the database can hold."""
    shown = name.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if unicodedata.category(letter) != "Cc" else f"\\x{ord(letter):02x}" for letter in shown)


def is_hidden(parts: Iterable[str]) -> bool:
    """Whether a path is one that systems keep beside people's files."""
    return any(part.startswith(".") or part in {"__MACOSX", "Thumbs.db", "desktop.ini"} for part in parts)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts image_9 before image_10."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts if part] + [
        (2, 0, name)
    ]


AnySource = TypeVar("AnySource", bound=Source)


def in_natural_order(sources: Iterable[AnySource]) -> list[AnySource]:
    return sorted(sources, key=lambda source: natural_key(source.name))
