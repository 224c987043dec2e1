"""Reads a table that somebody made in a spreadsheet, and says what is wrong with it by file, row and column."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong where. `row` counts as a spreadsheet does (the heading is row 1); 0 concerns the whole file."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        place = [f"row {self.row}"] if self.row else []
        place += [f"column “{self.column}”"] if self.column else []
        return f"{', '.join(place)}: {self.message}" if place else self.message


class BadTable(Exception):
    """A table that was refused whole; nothing of it was written."""

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.name = name
        self.problems = tuple(problems)
        shown = [f"{name}: {problem}" for problem in self.problems[:SHOWN_PROBLEMS]]
        if len(self.problems) > SHOWN_PROBLEMS:
            shown.append(f"{name}: … and {len(self.problems) - SHOWN_PROBLEMS} more problems")
        self.lines = tuple(shown)
        super().__init__("\n".join(shown))


@dataclass(frozen=True, slots=True)
class TableRow:
    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


def read_table(
    name: str,
    data: bytes,
    *,
    required: Sequence[str],
    optional: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> Table:
    """Read a CSV file (UTF-8 with or without a byte order mark; comma, semicolon or tab).

    Required and optional headings are matched without regard to case; `aliases` maps other headings to them; all other
    columns keep their heading. Raises BadTable.
    """
    lines = _lines(name, data)
    heading = next(lines, None)
    if heading is None:
        raise BadTable(name, [Problem(0, "", "The file is empty.")])
    columns = _columns(name, heading[1], required, {*required, *optional}, aliases or {})
    problems, rows = [], []
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            problems.append(Problem(number, "", f"It has {len(cells)} cells, the heading has {len(columns)}."))
        else:
            rows.append(TableRow(number, {key: cell.strip() for key, cell in zip(columns, cells, strict=True)}))
    if problems:
        raise BadTable(name, problems)
    return Table(name, columns, tuple(rows))


def _lines(name: str, data: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data[: error.start].count(b"\n") + 1
        message = "The file is not in UTF-8. In a spreadsheet, save it as “CSV UTF-8”."
        raise BadTable(name, [Problem(row, "", message)]) from error
    if "\0" in text:
        raise BadTable(name, [Problem(0, "", "The file holds null bytes, so it is no CSV in UTF-8.")])
    heading = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, cells
    except csv.Error as error:
        raise BadTable(name, [Problem(number + 1, "", f"It can't be read as CSV: {error}.")]) from error


def _columns(
    name: str, heading: list[str], required: Sequence[str], known: set[str], aliases: Mapping[str, str]
) -> tuple[str, ...]:
    plain = [cell.strip() for cell in heading]
    lowered = [cell.lower() for cell in plain]
    columns = []
    for cell, low in zip(plain, lowered, strict=True):
        alias = aliases.get(low)
        columns.append(alias if alias and alias not in lowered else low if low in known else cell)
    problems = [
        Problem(1, wanted, f"The column is missing. The file has: {', '.join(filter(None, plain)) or 'none'}.")
        for wanted in required
        if wanted not in columns
    ]
    twice = sorted(column for column, times in Counter(columns).items() if column and times > 1)
    problems += [Problem(1, column, "The column is there twice.") for column in twice]
    if problems:
        raise BadTable(name, problems)
    return tuple(columns)
