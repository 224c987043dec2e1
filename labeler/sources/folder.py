"""Files of this machine."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from labeler.sources.base import (
    MAX_FILE_BYTES,
    SMALLER,
    TOO_LARGE,
    Unreadable,
    in_natural_order,
    is_hidden,
    normal_name,
)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file at a path. `below`, where given, is the folder that it must lie in, links followed."""

    name: str
    path: Path
    below: Path | None = None
    mark: str = ""

    def read(self) -> bytes:
        """The file's bytes. Raises Unreadable."""
        try:
            if self.below is not None and not self.path.resolve(strict=True).is_relative_to(self.below.resolve()):
                raise Unreadable(
                    "The path leads out of the folder of the table.",
                    "Copy the file into that folder, or name its root.",
                )
            about = self.path.stat()
            if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):  # reading a pipe would wait for ever
                raise Unreadable("The file can't be read: it is a device or a pipe.", "Name the file itself.")
            if about.st_size > MAX_FILE_BYTES:
                raise Unreadable(TOO_LARGE, SMALLER)
            return self.path.read_bytes()
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, and a path that holds a null byte
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no path"
            raise Unreadable(f"The file can't be read: {reason}.", "See that it is there and may be read.") from error


def scan_folder(folder: Path, *, leave_out: Path | None = None) -> list[FileSource]:
    """Every file below `folder`, named by its path from there; hidden files, and the table itself, are left out.

    Raises NotADirectoryError.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder.")
    skipped = leave_out.resolve() if leave_out is not None else None
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and not is_hidden(relative.parts) and path.resolve() != skipped:
            found.append(FileSource(normal_name(relative.as_posix()), path))
    return in_natural_order(found)
