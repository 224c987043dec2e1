"""What a rater answered, told to that rater. Blinding: see `labelling`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from labeler.labelling import MOST_ITEMS, check_open, items_of
from labeler.models import Assignment, Flag, Label, Membership, Region

# The parts of a face that are graded beside the whole of it, where a study wants that.
PARTS: Final = tuple(region for region in Region if region != Region.FACE)


@dataclass(frozen=True, slots=True)
class PartGiven:
    """What a rater said of one part of the face: a level's value, or the flag `unseen`."""

    level_value: float | None
    flag: str = Flag.NONE


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it stands: a level's value, or a flag; `regions`: what was said of the face's parts, by region."""

    level_value: float | None
    flag: str
    comment: str
    unsure: bool
    version: int
    regions: Mapping[str, PartGiven] = field(default_factory=dict)

    @classmethod
    def of(cls, label: Label, parts: Iterable[Label] = ()) -> Self:
        """`label` is of the whole face, `parts` of the same version; their levels must have been read along."""
        regions = {part.region: PartGiven(_value(part), part.flag) for part in parts}
        return cls(_value(label), label.flag, label.comment, label.unsure, label.version, regions)


def _value(label: Label) -> float | None:
    return label.level.value if label.level is not None else None


@dataclass(frozen=True, slots=True)
class Answered:
    """An image that was graded; `number` counts them in the order in which they were shown."""

    token: str
    number: int
    given: Given


def previous(membership: Membership, *, before: str | None, size: int) -> tuple[Answered, ...]:
    """Images that were graded before that of the token `before` (None: the last ones), latest first.

    Raises NotOpen.
    """
    check_open(membership)
    shown = items_of(membership).filter(shown_seq__isnull=False)
    if before is not None:
        marks = Assignment.objects.filter(membership=membership, token=before).values("shown_seq")
        shown = shown.filter(shown_seq__lt=marks)
    items = list(shown.only("token", "shown_seq").order_by("-shown_seq")[: max(1, min(size, MOST_ITEMS))])
    given = given_to([item.pk for item in items], with_parts=membership.study.grade_regions)
    return tuple(
        Answered(item.token, item.shown_seq, given[item.pk])
        for item in items
        if item.shown_seq is not None and item.pk in given
    )


def given_to(assignment_ids: Iterable[int], *, with_parts: bool) -> dict[int, Given]:
    """The answers that count, by assignment, in one query. `with_parts`: in a study that grades the face's parts."""
    labels = Label.objects.filter(assignment__in=list(assignment_ids)).select_related("level")
    if with_parts:
        rows = labels.order_by("assignment_id", "region", "-version").distinct("assignment_id", "region")
    else:
        rows = labels.filter(region=Region.FACE).order_by("assignment_id", "-version").distinct("assignment_id")
    faces = {row.assignment_id: row for row in rows if row.region == Region.FACE}
    parts: dict[int, list[Label]] = {}
    for row in rows:
        # An older answer's parts don't count: the newest one may say that the image can't be graded at all.
        if row.region != Region.FACE and row.version == faces[row.assignment_id].version:
            parts.setdefault(row.assignment_id, []).append(row)
    return {pk: Given.of(face, parts.get(pk, ())) for pk, face in faces.items()}
