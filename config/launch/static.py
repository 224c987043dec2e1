"""Whether the collected static files are those of the sources."""

import hashlib
from pathlib import Path


def mark(clone: Path) -> str:
    """A fingerprint of the project's own static files and of the packages that bring others."""
    digest = hashlib.sha256()
    for name in ("constraints.txt", "requirements-site.txt"):
        digest.update((clone / name).read_bytes())
    folders = [clone / "static", *sorted(clone.glob("*/static"))]
    for path in sorted(path for folder in folders if folder.parent.name != ".venv" for path in folder.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(clone)).encode() + path.read_bytes())
    return digest.hexdigest()


def is_collected(clone: Path, wanted: str) -> bool:
    try:
        return _note(clone).read_text() == wanted
    except FileNotFoundError:
        return False


def note_collected(clone: Path, found: str) -> None:
    _note(clone).write_text(found)


def _note(clone: Path) -> Path:
    return clone / "staticfiles" / ".sources"
