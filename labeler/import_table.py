"""The table that may come with a folder of images: which are golden, who is in them, and what else is known.

Columns: `file` (or `image`), `golden` (yes or no), `person`; every further column is kept as the file's metadata.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from labeler.csv_table import BadTable, Problem, TableRow, read_table
from labeler.sources import normal_name

MAX_PERSON = 120
_OWN_COLUMNS = {"file", "golden", "person", ""}
_NO_OTHERS: Final[Set[str]] = frozenset()
_GOLDEN = {"yes": True, "no": False, "": False}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one file besides its bytes."""

    golden: bool = False
    person: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


NOTHING_KNOWN = Facts()


def read_facts(table_name: str, data: bytes, files: Collection[str]) -> dict[str, Facts]:
    """Facts by file name. Raises BadTable with every problem that the table has, given the files there are."""
    table = read_table(table_name, data, required=["file"], optional=["golden", "person"], aliases={"image": "file"})
    known = set(files)
    first_row: dict[str, int] = {}
    facts: dict[str, Facts] = {}
    problems: list[Problem] = []
    for row in table.rows:
        name = normal_name(row.cells["file"])
        problem = _name_problem(row, name, known, first_row) or cell_problem(row)
        if problem is not None:
            problems.append(problem)
            continue
        first_row[name] = row.number
        facts[name] = facts_of(row)
    if problems:
        raise BadTable(table_name, problems)
    return facts


def _name_problem(row: TableRow, name: str, known: Collection[str], first_row: Mapping[str, int]) -> Problem | None:
    if not name:
        return Problem(row.number, "file", "The cell is empty.")
    if name in first_row:
        return Problem(
            row.number, "file", f"“{name}” is in row {first_row[name]} already. Leave out the row that is wrong."
        )
    if name not in known:
        return Problem(
            row.number, "file", f"There is no file “{name}” among the images. Mend the name, or add the file."
        )
    return None


def cell_problem(row: TableRow) -> Problem | None:
    """What is wrong with what a row tells of its file."""
    golden = row.cells.get("golden", "")
    if golden.lower() not in _GOLDEN:
        return Problem(row.number, "golden", f"“{golden}” is neither yes nor no. Write one of them, or nothing.")
    if len(row.cells.get("person", "")) > MAX_PERSON:
        return Problem(row.number, "person", f"It is longer than {MAX_PERSON} characters.")
    return None


def facts_of(row: TableRow, others: Set[str] = _NO_OTHERS) -> Facts:
    """What a row tells; its columns in `others` are not kept with the image."""
    person = row.cells.get("person", "")
    # Tools that read numbers with gaps write 75 as 75.0; it is an identifier, and "75" is the same person.
    person = re.sub(r"^([0-9]+)\.0+$", r"\1", person)
    left_out = _OWN_COLUMNS | others
    metadata = {column: value for column, value in row.cells.items() if value and column not in left_out}
    return Facts(_GOLDEN[row.cells.get("golden", "").lower()], person, metadata)
