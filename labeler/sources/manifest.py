"""A table that says where each picture is: at an https address, or at a path below the table's own folder.

Columns: `url` or `path`; `file` is the name to give it (else the last part of the address, or the path); `golden`,
`person` and others as in the table that comes with a folder. A row that can't be used is a refused source.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from accounts.fetching import FetchRefused, fetch
from labeler.csv_table import BadTable, Problem, TableRow, read_table
from labeler.import_table import Facts, cell_problem, facts_of
from labeler.sources.base import MAX_FILE_BYTES, RefusedSource, Source, Unreadable, normal_name
from labeler.sources.folder import FileSource

_PLACES: Final = frozenset({"url", "path"})


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A picture at an https address. The address counts for its content: what came from it is not fetched again."""

    name: str
    url: str

    @property
    def mark(self) -> str:
        return self.url

    def read(self) -> bytes:
        """The picture's bytes. Raises Unreadable."""
        try:
            return fetch(self.url, most_bytes=MAX_FILE_BYTES)
        except FetchRefused as error:
            raise Unreadable(error.reason, error.remedy) from error


@dataclass(frozen=True, slots=True)
class Manifest:
    """The pictures of a table in its order, and what it tells of them by name."""

    sources: tuple[Source, ...]
    facts: dict[str, Facts]


def read_manifest(table_name: str, data: bytes, root: Path | None) -> Manifest:
    """Read a table of pictures. `root` is where paths begin; without one, there must be none.

    Raises BadTable where the table as a whole can't be read.
    """
    table = read_table(table_name, data, required=[], optional=["url", "path", "file", "golden", "person"])
    places = _PLACES & set(table.columns)
    if root is None and places != {"url"}:
        wanted = "The column is missing." if "url" not in places else ""
        raise BadTable(table_name, [Problem(1, "url", wanted or "A table from a browser names addresses, not paths.")])
    if not places:
        raise BadTable(table_name, [Problem(1, "url", "The table needs a column “url” or “path”.")])
    return _read_rows(table.rows, root)


def _read_rows(rows: Iterable[TableRow], root: Path | None) -> Manifest:
    sources: list[Source] = []
    facts: dict[str, Facts] = {}
    first_row: dict[str, int] = {}
    for row in rows:
        url, path = row.cells.get("url", ""), row.cells.get("path", "")
        name = normal_name(row.cells.get("file", "") or _named_after(url, path))
        refused = _refused(row, name, url, path, first_row)
        if refused is not None:
            sources.append(refused)
            continue
        first_row[name] = row.number
        facts[name] = facts_of(row, _PLACES)
        if url:
            sources.append(UrlSource(name, url))
        elif root is not None:
            sources.append(FileSource(name, root / path, below=root))
    return Manifest(tuple(sources), facts)


def _named_after(url: str, path: str) -> str:
    if not url:
        return Path(path).as_posix() if path else ""
    try:
        return unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        return ""


def _refused(row: TableRow, name: str, url: str, path: str, first_row: dict[str, int]) -> RefusedSource | None:
    shown = name or f"row {row.number}"
    problem = cell_problem(row)
    if problem is not None:
        return RefusedSource(shown, f"In {problem}", "Mend the cell, and import the table again.")
    if bool(url) == bool(path):
        return RefusedSource(shown, f"Row {row.number} names no one place.", "Fill in either url or path.")
    if not name:
        return RefusedSource(shown, "The address ends in no name.", "Add a column “file” with a name for it.")
    if name in first_row:
        return RefusedSource(
            shown,
            f"The name is in row {first_row[name]} already; this is row {row.number}.",
            "Give each its own name in a column “file”.",
        )
    return None
