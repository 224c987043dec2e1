"""Reads the two tables of the command line: grades in long form, and what is known of each image.

What is wrong with a table as a whole (no such file, no such column, nothing in it) is a `TableError`. What is wrong
with one row costs that row alone and is a `Finding`, which names file, row and column: a long work neither stops for
one cell nor passes over it in silence. Rows count as an editor shows them; the heading is row 1.
"""

import csv
import io
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlcore.joining import joined

RATINGS_COLUMNS: Final = ("image", "rater", "grade")
GROUP_COLUMNS: Final = ("person", "duplicate_group")
# How people and spreadsheets write that there is no value.
_MISSING: Final = {"", "na", "n/a", "nan", "null", "none", "-", "."}
MAX_LEVELS: Final = 101


class TableError(ValueError):
    """A table that can't be used at all; the message names the file and says what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something odd in one place of a table, and what was made of it. row: 0 where it concerns the whole file."""

    file: str
    row: int
    column: str
    message: str

    def __str__(self) -> str:
        places = [self.file, f"row {self.row}" if self.row else "", f"column {self.column}" if self.column else ""]
        return f"{', '.join(place for place in places if place)}: {self.message}"


@dataclass(frozen=True, slots=True)
class Grade:
    """One rater's grade of one image, the mean of several where the table has several. row: of the first."""

    image: str
    rater: str
    value: float
    row: int


@dataclass(frozen=True, slots=True)
class Ratings:
    """grades: one for each image and rater, in the table's order. images: all named, those without a grade too."""

    grades: tuple[Grade, ...]
    images: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class ImageTable:
    """What is known of the images: name to group (what must stay on one side of a split), and to the wanted columns.

    fields: the values of the wanted columns as they are written, without the empty ones. Images without a group are
    not in `groups`.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredRow:
    image: str
    score: float
    route: str
    reason: str


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Table:
    file: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]


def read_ratings(path: Path, levels: Sequence[float] | None = None) -> Ratings:
    """Read image, rater, grade. An empty grade is a missing one.

    levels: the scale, rising; a grade outside it counts as missing, with a finding. Raises TableError.
    """
    table = _read(path, RATINGS_COLUMNS, "The table of ratings needs one row for each image and rater.")
    findings = list(table.findings)
    unused = [name for name in table.columns if name not in RATINGS_COLUMNS]
    if unused:
        findings.append(Finding(table.file, 1, "", f"not used: {_listed(unused)}."))
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    images: dict[str, None] = {}
    for row in table.rows:
        image, rater = plain_name(row.cells["image"]), row.cells["rater"]
        if not image:
            findings.append(Finding(table.file, row.number, "image", "no image is named; the row is left out."))
            continue
        images[image] = None
        value = _grade(table.file, row, levels, findings)
        if value is not None and not rater:
            findings.append(Finding(table.file, row.number, "rater", "no rater is named; the row is left out."))
        elif value is not None:
            found.setdefault((image, rater), []).append((row.number, value))
    grades = tuple(_merged(table.file, *key, rows, findings) for key, rows in found.items())
    if not grades:
        raise TableError(f"{table.file} has no grade that can be used.{_first(findings)}")
    return Ratings(grades, tuple(images), tuple(findings))


def read_images(path: Path, wanted: Sequence[str] = (), *, grouped: bool = True) -> ImageTable:
    """Read what is known of each image.

    The group is the column `group`; without it, images that share a `person` or a `duplicate_group` are joined.
    wanted: further columns to keep. No other column is looked at. Raises TableError, also where `grouped` and there is
    none of those columns.
    """
    table = _read(path, ("image", *wanted), "The table of images needs one row for each image.")
    by = ("group",) if "group" in table.columns else tuple(name for name in GROUP_COLUMNS if name in table.columns)
    if grouped and not by:
        raise TableError(
            f"{table.file} has no column group, person or duplicate_group; it has {_listed(table.columns)}."
        )
    findings = list(table.findings)
    rows: dict[str, Row] = {}
    for row in table.rows:
        name = plain_name(row.cells["image"])
        if not name:
            findings.append(Finding(table.file, row.number, "image", "no image is named; the row is left out."))
        elif name in rows:
            message = (
                f"{name} is in row {rows[name].number} already; that row counts, and the groups of both are joined."
            )
            findings.append(Finding(table.file, row.number, "image", message))
        rows.setdefault(name, row)
    rows.pop("", None)
    fields = {
        name: {column: row.cells[column] for column in wanted if not is_missing(row.cells[column])}
        for name, row in rows.items()
    }
    return ImageTable(_groups(table.rows, by), fields, tuple(findings))


def read_scores(path: Path) -> tuple[ScoredRow, ...]:
    """Read what `score` wrote, or any table with image and score. Raises TableError for a score that is no number."""
    table = _read(path, ("image", "score"), "The table of scores needs one row for each image.")
    found: dict[str, ScoredRow] = {}
    for row in table.rows:
        name, value = plain_name(row.cells["image"]), number(row.cells["score"])
        if value is None:
            raise TableError(f"{table.file}, row {row.number}, column score: {row.cells['score']!r} is no number.")
        if name in found:
            raise TableError(f"{table.file}, row {row.number}, column image: {name} has a score already.")
        found[name] = ScoredRow(name, value, row.cells.get("route", ""), row.cells.get("reason", ""))
    return tuple(found.values())


def scale_of(grades: Sequence[float]) -> tuple[float, ...]:
    """The whole numbers from the least to the largest grade. Raises TableError for a scale that can't be told so."""
    low, high = math.floor(min(grades)), math.ceil(max(grades))
    if not 2 <= high - low + 1 <= MAX_LEVELS:
        raise TableError(f"The grades run from {min(grades):g} to {max(grades):g}; name the scale with --levels.")
    return tuple(float(level) for level in range(low, high + 1))


def plain_name(cell: str) -> str:
    """An image's name as it is compared: with forward slashes, without a leading ./, composed (NFC)."""
    return unicodedata.normalize("NFC", cell.strip().replace("\\", "/")).removeprefix("./")


def is_missing(cell: str) -> bool:
    return cell.strip().lower() in _MISSING


def number(cell: str) -> float | None:
    """The cell as a finite number; None where it is none. A comma before the decimals is understood."""
    text = cell.strip()
    # Python reads 1_0 as 10; in a table it is a slip.
    if "_" in text:
        return None
    try:
        value = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _grade(file: str, row: Row, levels: Sequence[float] | None, findings: list[Finding]) -> float | None:
    cell = row.cells["grade"]
    if is_missing(cell):
        return None
    value = number(cell)
    if value is None:
        findings.append(Finding(file, row.number, "grade", f"{cell!r} is no number; it counts as missing."))
    elif levels and not min(levels) <= value <= max(levels):
        scale = f"{min(levels):g} to {max(levels):g}"
        findings.append(
            Finding(file, row.number, "grade", f"{cell} is not on the scale {scale}; it counts as missing.")
        )
        return None
    return value


def _merged(file: str, image: str, rater: str, rows: Sequence[tuple[int, float]], findings: list[Finding]) -> Grade:
    values = [value for _, value in rows]
    if len(rows) > 1:
        numbers = ", ".join(str(row) for row, _ in rows)
        same = "the same grade; it counts once" if len(set(values)) == 1 else "several grades; their mean counts"
        findings.append(Finding(file, rows[-1][0], "grade", f"{rater} gave {image} {same} (rows {numbers})."))
    return Grade(image, rater, math.fsum(values) / len(values), rows[0][0])


def _groups(rows: Sequence[Row], by: Sequence[str]) -> dict[str, str]:
    """Images that share a value in one of these columns, directly or through others, get one group."""
    names: dict[str, int] = {}
    first: dict[tuple[str, str], int] = {}
    pairs: list[tuple[int, int]] = []
    for row in rows:
        name = plain_name(row.cells["image"])
        for column in by:
            value = row.cells[column]
            if name and not is_missing(value):
                at = names.setdefault(name, len(names))
                pairs.append((first.setdefault((column, value), at), at))
    groups = joined(len(names), pairs)
    return {name: f"group {groups[at]}" for name, at in names.items()}


def _read(path: Path, needed: Sequence[str], hint: str) -> _Table:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise TableError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path.name} is not in UTF-8; save it as CSV in UTF-8.") from error
    lines = _lines(path.name, text)
    heading = next(lines, (1, []))[1]
    columns = tuple(name.strip().lower() for name in heading)
    missing = [name for name in needed if name not in columns]
    if missing:
        there = _listed(columns) if any(columns) else "nothing"
        raise TableError(f"{path.name} has no column {_listed(missing)}; its first row has {there}. {hint}")
    double = sorted({name for name in columns if name and columns.count(name) > 1})
    if double:
        raise TableError(f"{path.name}, row 1: there is more than one column {_listed(double)}.")
    rows, findings = _rows(path.name, columns, lines)
    if not rows:
        raise TableError(f"{path.name} has a heading, but no rows.")
    return _Table(path.name, columns, tuple(rows), tuple(findings))


def _lines(file: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the row that it begins in; blank ones are passed over."""
    heading = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begun = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begun, cells
            begun = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"{file}, row {begun}: the table can't be read from here on ({error}).") from error


def _rows(file: str, columns: Sequence[str], lines: Iterator[tuple[int, list[str]]]) -> tuple[list[Row], list[Finding]]:
    rows: list[Row] = []
    findings: list[Finding] = []
    for begun, cells in lines:
        if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
            message = f"{len(cells)} cells under {len(columns)} headings; the row is left out."
            findings.append(Finding(file, begun, "", message))
            continue
        if len(cells) < len(columns):
            message = f"{len(cells)} cells under {len(columns)} headings; the others count as empty."
            findings.append(Finding(file, begun, "", message))
        padded = [*(cell.strip() for cell in cells), *[""] * (len(columns) - len(cells))]
        rows.append(Row(begun, dict(zip(columns, padded, strict=False))))
    return rows, findings


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name or "(no name)" for name in names)


def _first(findings: Sequence[Finding]) -> str:
    return f" First of {len(findings)} findings: {findings[0]}" if findings else ""
