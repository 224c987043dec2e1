"""The data dictionary: every column of every table, made from what the tables themselves are made from."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from labeler.exporting.tables import Table

HEADING = ("table", "column", "type", "unit", "meaning", "source")


def dictionary_csv(tables: Iterable[Table]) -> str:
    """The dictionary as CSV, a row for each column."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HEADING)
    for table in tables:
        for one in table.columns:
            writer.writerow((table.name, one.name, one.kind.value, one.unit, one.meaning, one.source))
    return file.getvalue()


def dictionary_markdown(tables: Iterable[Table]) -> str:
    """The dictionary as a section for each table, for the documentation."""
    return "\n".join(_section(table) for table in tables)


def _section(table: Table) -> str:
    lines = [f"### {table.name}", "", f"One row is {table.row}.", "", "| column | type | meaning | from |"]
    lines.append("|---|---|---|---|")
    for one in table.columns:
        kind = f"{one.kind.value}, {one.unit}" if one.unit else one.kind.value
        lines.append(f"| `{one.name}` | {kind} | {one.meaning} | {one.source} |")
    return "\n".join([*lines, ""])
