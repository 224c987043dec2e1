"""Grades made elsewhere come in: a table of image, rater and grade. Its raters get a place in the study, no sign-in.

The whole table is checked before anything is written, and all of it is written in one transaction. A grade's key is
made of study, rater, image and repeat, so importing it again adds nothing; a grade that differs from the one there
already is reported and changes nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from accounts.audit import Actor
from labeler.csv_table import BadTable, Problem, Table, TableRow, read_table
from labeler.dealing import SORT_KEY_STEP
from labeler.models import (
    Assignment,
    ImageName,
    Label,
    LabelSource,
    Level,
    Membership,
    Region,
    Role,
    Study,
    StudyState,
)
from labeler.sources import normal_name
from labeler.studies import add_member

MAX_RATER = 120
_NAMESPACE = uuid.UUID("0d8f2f4e-2f4b-5d0e-9d3c-6a1f1a6c7b52")
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Grade:
    """One checked row."""

    row: int
    name: str
    image_id: int
    repeat: int
    rater: str
    level: Level


@dataclass(frozen=True, slots=True)
class Checked:
    grades: tuple[Grade, ...]
    empty: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """A grade that differs from the one that the study has."""

    row: int
    name: str
    rater: str
    kept: str
    refused: str


@dataclass(slots=True)
class GradesReport:
    """What an import of grades did, for people; it ends in its job's `result`."""

    added: int = 0
    unchanged: int = 0
    empty: int = 0
    raters: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    def sentence(self) -> str:
        parts = [f"{self.added} grades of {len(self.raters)} raters added"]
        parts += [f"{self.unchanged} there already"] if self.unchanged else []
        parts += [f"{self.empty} empty"] if self.empty else []
        parts += [f"{len(self.conflicts)} differ from what is there, and were left out"] if self.conflicts else []
        return ", ".join(parts)


def check_grades(study: Study, table_name: str, data: bytes) -> Checked:
    """Read the table against the study's images, scale and raters. Raises BadTable with every problem."""
    table = read_table(table_name, data, required=["image", "rater", "grade"], aliases={"file": "image"})
    images = {
        name: (image, repeat)
        for name, image, repeat in ImageName.objects.filter(study=study).values_list("name", "image_id", "repeat")
    }
    levels = _levels_by_spelling(study)
    seen: dict[tuple[str, str], int] = {}
    grades: list[Grade] = []
    problems: list[Problem] = _accounts_named(study, table)
    empty = 0
    for row in table.rows:
        name, rater, cell = normal_name(row.cells["image"]), row.cells["rater"], row.cells["grade"]
        level = levels.get(_spelling(cell))
        if problem := _row_problem(row, name, images, seen) or _grade_problem(row, level, levels):
            problems.append(problem)
            continue
        seen[name, rater] = row.number
        if level is None:
            empty += 1
        else:
            grades.append(Grade(row.number, name, *images[name], rater, level))
    if problems:
        raise BadTable(table_name, problems)
    return Checked(tuple(grades), empty)


@transaction.atomic
def import_grades(study: Study, table_name: str, data: bytes, *, actor: Actor) -> GradesReport:
    """Import a table of grades, whole or not at all. Raises BadTable, and ValidationError when the study is closed."""
    state = Study.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=study.pk)
    if state == StudyState.CLOSED:
        raise ValidationError("The study is closed; no grade can be added.")
    checked = check_grades(study, table_name, data)
    members = _members(study, checked.grades, actor)
    report = GradesReport(empty=checked.empty, raters=list(members))
    assignments = _assignments(members, checked.grades)
    graded = _current_levels(members)
    new = []
    for grade in checked.grades:
        assignment = assignments[_key(members, grade)]
        if assignment not in graded:
            new.append(_label(study, assignment, grade, members))
        elif graded[assignment] == grade.level.pk:
            report.unchanged += 1
        else:
            report.conflicts.append(_conflict(study, grade, graded[assignment]))
    Label.objects.bulk_create(new, batch_size=_BATCH)
    report.added = len(new)
    return report


def _spelling(cell: str) -> str:
    """Numbers by value (2, 2.0 and 2,0 are one), names without regard to case."""
    try:
        return f"{float(cell.replace(',', '.')):g}"
    except ValueError:
        return cell.casefold()


def _levels_by_spelling(study: Study) -> dict[str, Level]:
    levels = list(Level.objects.filter(study=study))
    return {_spelling(level.name): level for level in levels} | {f"{level.value:g}": level for level in levels}


def _row_problem(
    row: TableRow, name: str, images: Mapping[str, object], seen: Mapping[tuple[str, str], int]
) -> Problem | None:
    rater = row.cells["rater"]
    if name not in images:
        return Problem(row.number, "image", f"The study has no image “{name}”." if name else "The cell is empty.")
    if not rater:
        return Problem(row.number, "rater", "The cell is empty.")
    if len(rater) > MAX_RATER:
        return Problem(row.number, "rater", f"It is longer than {MAX_RATER} characters.")
    if (name, rater) in seen:
        return Problem(row.number, "", f"{rater} grades “{name}” in row {seen[name, rater]} already.")
    return None


def _grade_problem(row: TableRow, level: Level | None, levels: Mapping[str, Level]) -> Problem | None:
    cell = row.cells["grade"]
    if level is not None or not cell:
        return None
    scale = ", ".join(dict.fromkeys(f"{step.value:g}" for step in sorted(levels.values(), key=lambda step: step.order)))
    return Problem(row.number, "grade", f"“{cell}” is no level of the scale ({scale}).")


def _accounts_named(study: Study, table: Table) -> list[Problem]:
    """A rater who signs in gives grades on the labelling page, under its clock and its order, and nowhere else."""
    own = set(
        Membership.objects.filter(study=study, role=Role.RATER, user__isnull=False)
        .exclude(external_name="")
        .values_list("external_name", flat=True)
    )
    first = {row.cells["rater"]: row.number for row in reversed(table.rows)}
    return [
        Problem(first[rater], "rater", f"{rater} has an account and grades here; import under another name.")
        for rater in sorted(own & set(first))
    ]


def _members(study: Study, grades: Sequence[Grade], actor: Actor) -> dict[str, Membership]:
    there = Membership.objects.filter(study=study, role=Role.RATER).exclude(external_name="")
    known = {member.external_name: member for member in there}
    return {
        rater: known.get(rater) or add_member(study, Role.RATER, actor=actor, external_name=rater)
        for rater in dict.fromkeys(grade.rater for grade in grades)
    }


_Key = tuple[int, int, int]


def _key(members: Mapping[str, Membership], grade: Grade) -> _Key:
    return members[grade.rater].pk, grade.image_id, grade.repeat


def _assignments(members: Mapping[str, Membership], grades: Sequence[Grade]) -> dict[_Key, int]:
    """The assignment of every grade, made where there was none. Nothing was shown here, so it has no rendition."""
    ids = [member.pk for member in members.values()]
    rows = Assignment.objects.filter(membership__in=ids)
    current = rows.filter(revoked_at__isnull=True)
    there = {
        (member, image, repeat): pk
        for pk, member, image, repeat in current.values_list("pk", "membership_id", "image_id", "repeat")
    }
    last = dict(rows.values_list("membership_id").annotate(Max("sort_key")))
    new = []
    for grade in grades:
        key = _key(members, grade)
        if key not in there:
            last[key[0]] = last.get(key[0], 0) + SORT_KEY_STEP
            new.append(Assignment(membership_id=key[0], image_id=key[1], repeat=key[2], sort_key=last[key[0]]))
    made = Assignment.objects.bulk_create(new, batch_size=_BATCH)
    return there | {(row.membership_id, row.image_id, row.repeat): row.pk for row in made}


def _current_levels(members: Mapping[str, Membership]) -> dict[int, int | None]:
    """Each graded assignment's level as it counts now; None where it is flagged."""
    ids = [member.pk for member in members.values()]
    labels = Label.objects.filter(assignment__membership__in=ids, region=Region.FACE).order_by("version")
    return dict(labels.values_list("assignment_id", "level_id"))


def _label(study: Study, assignment: int, grade: Grade, members: Mapping[str, Membership]) -> Label:
    member, image, repeat = _key(members, grade)
    return Label(
        assignment_id=assignment,
        version=1,
        client_key=uuid.uuid5(_NAMESPACE, f"{study.pk}/{member}/{image}/{repeat}"),
        level=grade.level,
        source=LabelSource.IMPORT,
    )


def _conflict(study: Study, grade: Grade, kept: int | None) -> Conflict:
    level = Level.objects.filter(pk=kept).first() if kept else None
    return Conflict(grade.row, grade.name, grade.rater, str(level or "a flag"), str(grade.level))
