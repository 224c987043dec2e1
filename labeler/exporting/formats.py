"""The formats in which a table leaves: bytes, piece by piece, of one statement, so of one moment."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from enum import StrEnum

from labeler.exporting.stream import chunks
from labeler.exporting.tables import Style, Table
from labeler.models import Study


class Format(StrEnum):
    """`value` is the file's ending, and the format's name in addresses and commands."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"

    @property
    def label(self) -> str:
        return _TITLES[self]

    @property
    def content_type(self) -> str:
        return _CONTENT_TYPES[self]


_TITLES = {Format.CSV: "CSV", Format.JSONL: "JSON Lines", Format.PARQUET: "Parquet"}
_CONTENT_TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSONL: "application/x-ndjson; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}
# JSON has control characters escaped, so none of its text is ever quoted by these.
_BARE = r"FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02'"


def stream(study: Study, table: Table, kind: Format, *, all_versions: bool = False) -> Iterator[bytes]:
    """The table in that format. Raises DatabaseError where it is cut short, in the middle if need be."""
    values: dict[str, object] = {"study": study.pk}
    if kind is Format.PARQUET:
        # pyarrow takes 60 MB and a while to load, which a process that exports no Parquet shall not pay for.
        parquet = importlib.import_module("labeler.exporting.parquet")
        written: Iterator[bytes] = parquet.stream(table, table.query(Style.TYPED, all_versions=all_versions), values)
        return written
    if kind is Format.JSONL:
        rows = table.query(Style.JSON, all_versions=all_versions)
        return chunks(f"COPY (SELECT row_to_json(t) FROM ({rows}) t) TO STDOUT WITH ({_BARE})", values)
    sheet = table.query(Style.SHEET, all_versions=all_versions)
    return chunks(f"COPY ({sheet}) TO STDOUT WITH (FORMAT csv, HEADER)", values)
