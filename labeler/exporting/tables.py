"""What a table to take away is: its columns, where they come from, and the query that each format asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a column holds; its words stand in the data dictionary."""

    TEXT = "text"
    CODE = "code"  # text of few values that Goldfold itself made
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "yes or no"
    TIME = "time"
    JSON = "JSON"


class Style(Enum):
    """How values are spelled: for a spreadsheet, as JSON, or as PostgreSQL does for a reader that knows the types."""

    SHEET = "sheet"
    JSON = "json"
    TYPED = "typed"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. sql: its value in the table's query. source: where it comes from, in words. Nothing is null."""

    name: str
    kind: Kind
    sql: str
    meaning: str
    source: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of one study.

    row: what one row is. body: FROM … ORDER BY …, with `%(study)s`, for all versions. current: what stands for
    `{current}` in the body when only the versions that count are wanted; empty where there are no versions.
    tells_golden: whether somebody who reads it learns which images are golden.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    body: str
    tells_golden: bool
    current: str = ""
    versions: str = ""

    def query(self, style: Style, *, all_versions: bool = False) -> str:
        """SELECT of the whole table; nothing but `%(study)s` is left to be filled in."""
        listed = ", ".join(f'{_spelled(column, style)} AS "{column.name}"' for column in self.columns)
        body = self.body.replace("{current}", "" if all_versions else self.current)
        return f"SELECT {listed} {body}"


# A spreadsheet takes a cell that begins with one of these as a formula: = + - @, tab, line feed, carriage return, and
# the first four in full width.
FORMULA_STARTS = (61, 43, 45, 64, 9, 10, 13, 0xFF1D, 0xFF0B, 0xFF0D, 0xFF20)
_STARTS = ", ".join(map(str, FORMULA_STARTS))


def _spelled(column: Column, style: Style) -> str:
    sql = column.sql
    if column.kind in (Kind.TEXT, Kind.CODE):
        sql = f"NULLIF({sql}, '')"
    if column.kind is Kind.TIME:
        return _time(sql, style)
    if style is not Style.SHEET:
        return sql
    if column.kind is Kind.TEXT:
        return f"CASE WHEN ascii({sql}) IN ({_STARTS}) THEN '''' || {sql} ELSE {sql} END"
    if column.kind is Kind.BOOLEAN:
        return f"CASE WHEN {sql} THEN 'yes' WHEN NOT {sql} THEN 'no' END"
    return sql


def _time(sql: str, style: Style) -> str:
    """UTC to the millisecond, in every format."""
    if style is Style.TYPED:
        return f"date_trunc('milliseconds', {sql})"
    return f"""to_char({sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"+00:00"')"""
