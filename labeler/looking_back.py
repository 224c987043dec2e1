"""What a rater answered, told to that rater. Blinding: see `labelling`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from labeler.labelling import MOST_ITEMS, check_open, items_of
from labeler.models import Assignment, Label, Membership, Region


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it stands: a level's value, or a flag."""

    level_value: float | None
    flag: str
    comment: str
    unsure: bool
    version: int

    @classmethod
    def of(cls, label: Label) -> Self:
        """`label.level` must have been read along."""
        value = label.level.value if label.level is not None else None
        return cls(value, label.flag, label.comment, label.unsure, label.version)


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
    current = current_labels([item.pk for item in items])
    return tuple(
        Answered(item.token, item.shown_seq, Given.of(current[item.pk]))
        for item in items
        if item.shown_seq is not None and item.pk in current
    )


def current_labels(assignment_ids: list[int]) -> dict[int, Label]:
    """The whole-face answer that counts, with its level, by assignment."""
    labels = (
        Label.objects.filter(assignment__in=assignment_ids, region=Region.FACE)
        .select_related("level")
        .order_by("assignment_id", "-version")
        .distinct("assignment_id")
    )
    return {label.assignment_id: label for label in labels}
