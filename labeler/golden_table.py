"""The table by which golden images are chosen: columns `file` (or `image`) and, optional, `golden` (yes or no)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import F

from labeler.csv_table import BadTable, Problem, TableRow, read_table
from labeler.models import Image, ImageName, Study, usable_images
from labeler.sources import normal_name

_GOLDEN = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Choices:
    """Ids of the images that a table calls golden, and of those that it calls not golden."""

    golden: frozenset[int]
    others: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Known:
    image: int
    group: int
    usable: bool


def read_choices(study: Study, table_name: str, data: bytes) -> Choices:
    """Without the column `golden`, every file named is golden. Raises BadTable with every problem by row and column."""
    table = read_table(table_name, data, required=["file"], optional=["golden"], aliases={"image": "file"})
    known = _known(study)
    problems: list[Problem] = []
    said: dict[int, tuple[bool, TableRow]] = {}
    images: dict[bool, set[int]] = {True: set(), False: set()}
    for row in table.rows:
        problem = _problem(row, known)
        if problem is None:
            found = known[normal_name(row.cells["file"])]
            golden = _GOLDEN[row.cells.get("golden", "yes").lower() or "no"]
            before, first = said.setdefault(found.group, (golden, row))
            images[golden].add(found.image)
            if before != golden:
                problem = _contradiction(row, first)
        if problem is not None:
            problems.append(problem)
    if not table.rows:
        problems.append(Problem(0, "", "The table names no file."))
    if problems:
        raise BadTable(table_name, problems)
    return Choices(frozenset(images[True]), frozenset(images[False]))


def _known(study: Study) -> dict[str, _Known]:
    usable = set(Image.objects.filter(usable_images(), study=study).values_list("pk", flat=True))
    names = ImageName.objects.filter(study=study).values_list("name", "image_id", F("image__cluster"))
    return {name: _Known(image, cluster or image, image in usable) for name, image, cluster in names.iterator()}


def _problem(row: TableRow, known: Mapping[str, _Known]) -> Problem | None:
    name = normal_name(row.cells["file"])
    golden = row.cells.get("golden", "yes").lower()
    if not name:
        return Problem(row.number, "file", "The cell is empty.")
    if name not in known:
        return Problem(row.number, "file", f"The study has no image “{name}”.")
    if golden and golden not in _GOLDEN:
        return Problem(row.number, "golden", f"“{row.cells['golden']}” is neither yes nor no.")
    if _GOLDEN.get(golden) and not known[name].usable:
        return Problem(row.number, "file", f"“{name}” is rejected or erased, so nobody could grade it.")
    return None


def _contradiction(row: TableRow, first: TableRow) -> Problem:
    one, other = first.cells["file"], row.cells["file"]
    if one == other:
        return Problem(row.number, "golden", f"Row {first.number} says the contrary of “{other}”.")
    message = f"“{other}” belongs together with “{one}”, of which row {first.number} says the contrary."
    return Problem(row.number, "golden", message)
