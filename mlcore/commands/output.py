"""Files that a command leaves behind: written whole or not at all."""

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mlcore.commands.complaint import Complaint


def check_writable(path: Path) -> None:
    """Raises Complaint where no file can be made beside `path`: better now than after an hour's work."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise Complaint(f"{path} can't be written: {error.strerror}.") from error
    if path.is_dir():
        raise Complaint(f"{path} is a folder; a file is to be written there.")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    _write(path, text.getvalue())


def write_json(path: Path, content: Any) -> None:
    """Raises ValueError for what JSON can't hold, such as NaN."""
    _write(path, json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        # A file's name may hold bytes that are no text; they are written as what Python shows of them.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
