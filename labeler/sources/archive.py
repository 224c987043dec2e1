"""Zip archives: every member that is a file becomes a source, or a row that says why not.

Nothing that an archive says of itself is believed. Members must lie apart and inside the file, so that what they unpack
to is bounded by what was sent; bytes are counted while they are unpacked; and nothing is written to a path.
"""

from __future__ import annotations

import re
import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from labeler.sources.base import (
    MAX_FILE_BYTES,
    SMALLER,
    TOO_LARGE,
    RefusedSource,
    Source,
    Unreadable,
    in_natural_order,
    is_hidden,
    normal_name,
)

MOST_MEMBERS: Final = 100_000
MOST_DIRECTORY_BYTES: Final = 32 * 1024**2
# How many times its packed size a member may have, and all members of an archive together. Photographs have 1.
MOST_RATIO: Final = 100
MOST_RATIO_OF_ALL: Final = 20
# So that a small archive of plain drawings is not refused for its ratio.
FREE_BYTES: Final = 64 * 1024**2
_CHUNK: Final = 256 * 1024
_LOCAL_HEADER_BYTES: Final = 30
_ENCRYPTED: Final = 0x1
_UTF8: Final = 0x800
_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
_ARCHIVES: Final = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
_AS_FILES: Final = "Import its pictures as files, or in a zip made anew."
_DAMAGED: Final = ("The archive is damaged here.", "Make the zip again, or import the picture as a file.")


class _Refused(Exception):
    """Why a member, or an archive, is not taken; and what to do."""


def is_zip(path: Path) -> bool:
    """Whether a file begins as zip archives do."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def open_zip(path: Path, name: str) -> list[Source]:
    """The pictures of an archive, by the natural order of their names; refused ones among them.

    An archive that can't be used at all is one refused source called `name`.
    """
    try:
        # The archive stays open as long as a source of it is there.
        file = path.open("rb")
        _check_directory(file)
        packed = zipfile.ZipFile(file)
    except _Refused as error:
        return [RefusedSource(name, *error.args)]
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, struct.error):
        return [RefusedSource(name, "The file is no zip archive, or a damaged one.", "Make the zip again.")]
    members = [member for member in packed.infolist() if not member.is_dir()]
    if len(members) > MOST_MEMBERS:
        return [RefusedSource(name, *_TOO_MANY)]
    archive = _Archive(packed, max(FREE_BYTES, MOST_RATIO_OF_ALL * path.stat().st_size))
    found = _sources(archive, members)
    if not found:
        return [RefusedSource(name, "The archive holds no files.", "Make the zip again from the folder of pictures.")]
    return in_natural_order(found)


_TOO_MANY: Final = (f"The archive holds more than {MOST_MEMBERS:,} files.", "Pack the pictures into several zips.")


@dataclass(slots=True)
class _Archive:
    """An open archive, and how many bytes it may still unpack to; its members are read by several threads."""

    packed: zipfile.ZipFile
    left: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int) -> None:
        with self.lock:
            self.left -= size
            if self.left < 0:
                raise Unreadable("The archive unpacks to far more than it is: a zip bomb.", _AS_FILES)


@dataclass(frozen=True, slots=True)
class ZipSource:
    """A member of an archive."""

    name: str
    archive: _Archive
    member: zipfile.ZipInfo
    mark: str = ""

    def read(self) -> bytes:
        """The member's bytes, unpacked. Raises Unreadable."""
        try:
            found = self._unpack()
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, struct.error) as error:
            raise Unreadable(*_DAMAGED) from error
        if found.startswith(_MAGIC):
            raise Unreadable("It is an archive inside the archive.", _AS_FILES)
        return bytes(found)

    def _unpack(self) -> bytearray:
        found = bytearray()
        most = min(MAX_FILE_BYTES, MOST_RATIO * max(1, self.member.compress_size))
        with self.archive.packed.open(self.member) as unpacking:
            while chunk := unpacking.read(_CHUNK):
                found += chunk
                if len(found) > MAX_FILE_BYTES:
                    raise Unreadable(TOO_LARGE, SMALLER)
                if len(found) > most:
                    raise Unreadable(
                        f"It unpacks to more than {MOST_RATIO} times its size, as zip bombs do.",
                        "Import the picture as a file.",
                    )
                self.archive.take(len(chunk))
        return found


def _sources(archive: _Archive, members: Sequence[zipfile.ZipInfo]) -> list[Source]:
    astray = _astray(members, archive.packed.start_dir)
    found: list[Source] = []
    names: set[str] = set()
    for member in members:
        spelt = _spelt(member)
        try:
            name = _name(spelt)
            if is_hidden(name.split("/")):
                continue
            if id(member) in astray:
                raise _Refused("It overlaps with another file of the archive, as in zip bombs.", _AS_FILES)
            _check_member(member, name)
            if name in names:
                raise _Refused("The archive holds another file of that name.", "Rename one, and make the zip again.")
            names.add(name)
            found.append(ZipSource(name, archive, member))
        except _Refused as error:
            found.append(RefusedSource(spelt, *error.args))
    return found


def _spelt(member: zipfile.ZipInfo) -> str:
    """The name as it was meant: macOS writes UTF-8 without saying so, which then reads as the code page of 1981."""
    if member.flag_bits & _UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _name(spelt: str) -> str:
    """The name below the archive's root. Raises _Refused for one that leads elsewhere."""
    parts = spelt.replace("\\", "/").split("/")
    if parts[0] == "" or re.match("[A-Za-z]:", parts[0]) or ".." in parts:
        raise _Refused("Its path leads out of the archive.", "Make the zip again from the folder of the pictures.")
    return normal_name("/".join(part for part in parts if part not in {"", "."}))


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        raise _Refused("It is a link or a device, not a file.", "Make the zip again with the file itself.")
    if member.flag_bits & _ENCRYPTED:
        raise _Refused("It is encrypted.", "Make the zip again without a password.")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise _Refused("It is packed in an unusual way.", "Make the zip again with the usual compression (deflate).")
    if name.lower().endswith(_ARCHIVES):
        raise _Refused("It is an archive inside the archive.", _AS_FILES)


def _astray(members: Sequence[zipfile.ZipInfo], end: int) -> set[int]:
    """Members (by `id`) that overlap with another, or reach into the directory at `end`."""
    places = sorted((member.header_offset, _end(member), id(member)) for member in members)
    astray = set()
    furthest, whose = -1, 0
    for begins, ends, member in places:
        if begins < furthest:
            astray |= {whose, member}
        if ends > end or begins < 0:
            astray.add(member)
        if ends > furthest:
            furthest, whose = ends, member
    return astray


def _end(member: zipfile.ZipInfo) -> int:
    """Where a member ends at the earliest."""
    return member.header_offset + _LOCAL_HEADER_BYTES + len(member.filename) + member.compress_size


def _check_directory(file: BinaryIO) -> None:
    """Refuse an archive whose directory would fill the memory, or the minutes, of its reader. Raises _Refused."""
    size, end = _directory(file)
    if size > MOST_DIRECTORY_BYTES:
        raise _Refused(*_TOO_MANY)
    # Every entry begins with these bytes, so there are no more entries than of them.
    file.seek(max(0, end - size))
    if file.read(size).count(b"PK\x01\x02") > MOST_MEMBERS:
        raise _Refused(*_TOO_MANY)
    file.seek(0)


def _directory(file: BinaryIO) -> tuple[int, int]:
    """How large the archive says that its directory is, of which the reader reads as much; and where that ends.

    Nothing where there is none.
    """
    length = file.seek(0, 2)
    tail_length = min(length, 22 + 0xFFFF)
    file.seek(length - tail_length)
    tail = file.read(tail_length)
    # As the reader looks for it: at the very end, else, before a comment, the last one that there is.
    at = len(tail) - 22 if tail[-22:-18] == b"PK\x05\x06" else tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(tail):
        return 0, 0
    size: int = struct.unpack_from("<L", tail, at + 12)[0]
    end = length - tail_length + at
    if end >= 76:  # the larger format's own end stands before its locator
        file.seek(end - 76)
        larger = file.read(76)
        if larger[:4] == b"PK\x06\x06" and larger[56:60] == b"PK\x06\x07":
            size = max(size if size != 0xFFFFFFFF else 0, struct.unpack_from("<Q", larger, 40)[0])
            end -= 76
    return size, end
