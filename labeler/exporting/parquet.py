"""A table as Parquet, row group by row group. The only importer of pyarrow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

import pyarrow as pa
from pyarrow import csv
from pyarrow import parquet as pq

from labeler.exporting.stream import copied
from labeler.exporting.tables import Kind, Table

ROW_GROUP: Final = 50_000
_BLOCK: Final = 1 << 20
_TYPES: Final[dict[Kind, pa.DataType]] = {
    Kind.TEXT: pa.string(),
    Kind.CODE: pa.dictionary(pa.int32(), pa.string()),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.TIME: pa.timestamp("ms", tz="UTC"),
    Kind.JSON: pa.string(),
}


class _Outbox(io.RawIOBase):
    """A file that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]  # a buffer, which pyarrow goes on to use
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def schema(table: Table) -> pa.Schema:
    """The file's columns with their types; meaning, source and unit are in each field's metadata."""
    return pa.schema(
        pa.field(one.name, _TYPES[one.kind], metadata={"meaning": one.meaning, "source": one.source, "unit": one.unit})
        for one in table.columns
    )


def stream(table: Table, query: str, values: dict[str, object]) -> Iterator[bytes]:
    """The file's bytes in pieces; its end, without which no reader opens it, only when every row has come."""
    outbox = _Outbox()
    writer = pq.ParquetWriter(outbox, schema(table))
    with copied(f"COPY ({query}) TO STDOUT WITH (FORMAT csv, HEADER)", values) as source:
        for group in _row_groups(table, source):
            writer.write_table(group, row_group_size=ROW_GROUP)
            yield outbox.take()
    writer.close()
    yield outbox.take()


def _row_groups(table: Table, source: BinaryIO) -> Iterator[pa.Table]:
    """Tables of ROW_GROUP rows, the last with the rest."""
    wanted = schema(table)
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in _batches(wanted, source):
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= ROW_GROUP:
            whole = pa.Table.from_batches(waiting, wanted)
            yield whole.slice(0, ROW_GROUP)
            rest = whole.slice(ROW_GROUP)
            waiting, rows = rest.to_batches(), rest.num_rows
    if rows:
        yield pa.Table.from_batches(waiting, wanted)


def _batches(wanted: pa.Schema, source: BinaryIO) -> Iterator[pa.RecordBatch]:
    """What PostgreSQL copies out as CSV, where nothing and an empty text are spelled differently, by its types."""
    options = csv.ConvertOptions(
        column_types={field.name: field.type for field in wanted},
        null_values=[""],
        true_values=["t"],
        false_values=["f"],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    reader = csv.open_csv(
        source,
        read_options=csv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=options,
    )
    with reader:
        yield from reader
