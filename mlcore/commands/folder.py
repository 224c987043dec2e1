"""The picture files of a folder."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlcore.commands.complaint import Complaint
from mlcore.commands.progress import Progress, some

SUFFIXES: Final = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif",
    ".heic", ".heif", ".hif", ".avif",
}  # fmt: skip
# How files begin that are pictures whatever they are called; the HEIF family says so from the fifth byte on.
_BEGINNINGS: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\x00", b"MM\x00*")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """name: below the folder, with forward slashes, composed (NFC), as tables name it."""

    name: str
    path: Path

    def read(self) -> bytes:
        return self.path.read_bytes()


def picture_files(folder: Path) -> list[PictureFile]:
    """All picture files below the folder, sorted by name: by their suffix, or, under any other, by their first bytes.

    Hidden files are passed over. Raises Complaint where there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise Complaint(f"There is no folder {folder}.")
    found = [
        PictureFile(unicodedata.normalize("NFC", path.relative_to(folder).as_posix()), path)
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
        and (path.suffix.lower() in SUFFIXES or _begins_like_one(path))
    ]
    if not found:
        raise Complaint(f"There is no picture file in {folder}.")
    return sorted(found, key=lambda file: file.name)


def by_sha256(files: Sequence[PictureFile], progress: Progress) -> tuple[dict[str, list[PictureFile]], list[str]]:
    """The files by what they hold; and those that can't be read, each with the reason."""
    known: dict[str, list[PictureFile]] = {}
    unreadable = []
    for done, file in enumerate(files, 1):
        try:
            known.setdefault(sha256_of(file.path), []).append(file)
        except OSError as error:
            unreadable.append(f"{file.name} ({error.strerror})")
        progress.at("reading files", done, len(files))
    return known, unreadable


def left_out(unreadable: Sequence[str]) -> list[str]:
    """What to say of files that can't be read: one sentence, or none."""
    return [f"{len(unreadable)} pictures can't be read and are left out: {some(unreadable)}."] if unreadable else []


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _begins_like_one(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return head.startswith(_BEGINNINGS) or webp or (head[4:8] == b"ftyp" and head[8:11] in {b"hei", b"hev", b"mif"})
