"""Scales: those to choose from, those written out by hand, and changing a study's while nobody has graded on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from labeler.csv_table import BadTable, Problem, read_table
from labeler.examples import forget_examples, keep_example
from labeler.models import Label, Level, PracticeItem, Study, StudyState
from labeler.studies import PUBLISHED_SCALE, LevelSpec, check_scale

FOUR_LEVELS: Final = (
    LevelSpec(0, "Mild", "A few lesions on one half of the face."),
    LevelSpec(1, "Moderate", "Lesions on much of the half face, with clear skin between."),
    LevelSpec(2, "Severe", "Lesions on most of the half face."),
    LevelSpec(3, "Very severe", "Lesions all over the half face, most of them inflamed."),
)
SCALES: Final[dict[str, tuple[LevelSpec, ...]]] = {"published": PUBLISHED_SCALE, "0-3": FOUR_LEVELS}
MAX_NAME: Final = 60
# Keys that do something else on the labelling page. Only those that every rater needs in every study: all its other
# keys (zoom, light, …) give way to a scale's, for a grade by one key matters more.
RESERVED_KEYS: Final = frozenset("fu?")


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A level as it is to be. `level_id` is the one it was, None a new one; its example stays unless said otherwise."""

    spec: LevelSpec
    level_id: int | None = None
    example: bytes | None = None
    drop_example: bool = False


def parse_levels(lines: Sequence[str]) -> list[LevelSpec]:
    """Levels written as `value; name; description`, one a line, the description optional.

    Raises ValidationError naming the line.
    """
    levels = []
    for number, line in enumerate(lines, start=1):
        value, _, rest = line.partition(";")
        name, _, description = rest.partition(";")
        try:
            levels.append(_level(value, name, description))
        except ValidationError as error:
            raise ValidationError({"levels": f"Line {number}: {error.message} Write: 2; Mild"}) from error
    return levels


def read_levels(table_name: str, data: bytes) -> list[tuple[LevelSpec, str]]:
    """Levels from a CSV table with the columns value, name and, optional, description, key and example.

    Each comes with what its column `example` says, a picture file's name or nothing. Raises BadTable.
    """
    table = read_table(table_name, data, required=["value", "name"], optional=["description", "key", "example"])
    levels, problems = [], []
    for row in table.rows:
        cells = row.cells
        try:
            level = _level(cells["value"], cells["name"], cells.get("description", ""), cells.get("key") or None)
        except ValidationError as error:
            problems += [Problem(row.number, "", message) for message in error.messages]
        else:
            levels.append((level, cells.get("example", "")))
    if problems:
        raise BadTable(table_name, problems)
    return levels


def _level(value: str, name: str, description: str, key: str | None = None) -> LevelSpec:
    try:
        amount = float(value.strip().replace(",", "."))
    except ValueError:
        amount = float("nan")
    if not -1e6 < amount < 1e6:  # false for what is no number too
        raise ValidationError(f"“{value.strip()}” is no number.")
    if not name.strip():
        raise ValidationError("The level has no name.")
    if len(name.strip()) > MAX_NAME:
        raise ValidationError(f"The name is longer than {MAX_NAME} characters.")
    return LevelSpec(amount, name.strip(), description.strip(), key)


def why_fixed(study: Study) -> str:
    """Why the scale can't be changed any more; empty while it can."""
    if study.state != StudyState.DRAFT:
        return "Raters have worked with this scale since labelling began, so it stays as it is."
    if Label.objects.filter(assignment__membership__study=study).exists():
        return "There are grades on this scale already, so it stays as it is."
    return ""


@transaction.atomic
def set_scale(study: Study, changes: Sequence[LevelChange], *, actor: Actor) -> bool:
    """Make the scale what `changes` say, in the order of the values. Returns whether anything changed.

    Raises ValidationError when somebody has graded, when a level was removed meanwhile, and for what is wrong with the
    scale (`levels`) or with an example (`example-N`, N counting the changes from 0).
    """
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    study.refresh_from_db(fields=["state"])
    if reason := why_fixed(study):
        raise ValidationError({"levels": reason})
    check_scale([change.spec for change in changes])
    _check_keys(changes)
    there = {level.pk: level for level in study.levels.all()}
    if not {change.level_id for change in changes} <= {None, *there}:
        raise ValidationError({"levels": "The scale was changed meanwhile. Open the page again."})
    examples = _examples(study, changes, there)
    before = [_told(level) for level in there.values()]
    wanted = sorted(zip(changes, examples, strict=True), key=lambda pair: pair[0].spec.value)
    levels = [_made(study, order, change.spec, path) for order, (change, path) in enumerate(wanted)]
    after = [_told(level) for level in levels]
    if before == after:
        return False
    # Before there are labels practice alone refers to a level, so new rows need no detour around the old ones' unique
    # values.
    practice = _practice(study, wanted, levels)
    study.practice_items.all().delete()
    study.levels.all().delete()
    Level.objects.bulk_create(levels)
    PracticeItem.objects.bulk_create(practice)
    audit.record(
        actor, "study.scale_changed", study, study_id=study.pk, before={"levels": before}, after={"levels": after}
    )
    transaction.on_commit(lambda: forget_examples(study, [level.example for level in there.values()]))
    return True


def _practice(study: Study, wanted: Sequence[tuple[LevelChange, str]], levels: Sequence[Level]) -> list[PracticeItem]:
    """The practice pictures, each with what becomes of its level. Raises ValidationError where that goes."""
    becomes = {change.level_id: level for (change, _), level in zip(wanted, levels, strict=True)}
    by_value = {level.value: level for level in levels}
    items = list(study.practice_items.select_related("level"))
    for item in items:
        level = becomes.get(item.level_id) or by_value.get(item.level.value)
        if level is None:
            told = f"A practice picture is to be graded {item.level.name}. Keep that level, or take the picture away."
            raise ValidationError({"levels": told})
        item.level = level
    return items


def _check_keys(changes: Sequence[LevelChange]) -> None:
    for key in (change.spec.effective_key for change in changes):
        if len(key) > 1 or key.isspace():
            raise ValidationError({"levels": f"“{key}” is no key; a key is one letter or digit."})
        if key.lower() in RESERVED_KEYS:
            raise ValidationError({"levels": f"The key {key.upper()} does something else on the labelling page."})
    keys = [change.spec.effective_key.lower() for change in changes if change.spec.effective_key]
    if len(set(keys)) < len(keys):
        raise ValidationError({"levels": "Two levels have the same key."})


def _examples(study: Study, changes: Sequence[LevelChange], there: Mapping[int, Level]) -> list[str]:
    """The path of each level's example; every picture that can't be taken is named by its field."""
    paths, errors = [], {}
    for place, change in enumerate(changes):
        old = there[change.level_id].example if change.level_id is not None and not change.drop_example else ""
        try:
            paths.append(keep_example(study, change.example) if change.example is not None else old)
        except ValidationError as error:
            errors[f"example-{place}"] = error.messages
    if errors:
        raise ValidationError(errors)
    return paths


def _made(study: Study, order: int, spec: LevelSpec, example: str) -> Level:
    return Level(
        study=study,
        order=order,
        value=spec.value,
        name=spec.name,
        description=spec.description,
        key=spec.effective_key,
        example=example,
    )


def _told(level: Level) -> dict[str, Any]:
    return {field: getattr(level, field) for field in ("value", "name", "description", "key", "example")}
