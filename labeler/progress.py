"""How far raters are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef

from labeler.models import Assignment, Label


@dataclass(frozen=True, slots=True)
class Progress:
    """What was given to a rater, or to a panel, and how much of it is answered (a flag is an answer)."""

    total: int = 0
    answered: int = 0

    @property
    def percent(self) -> int:
        """Whole percent, 100 only when nothing is left."""
        return 100 * self.answered // self.total if self.total else 0

    @property
    def left(self) -> int:
        return self.total - self.answered

    def __add__(self, other: Progress) -> Progress:
        return Progress(self.total + other.total, self.answered + other.answered)


def progress_of(memberships: Iterable[int]) -> dict[int, Progress]:
    """Progress by membership id, in one query."""
    members = set(memberships)
    answered = Exists(Label.objects.filter(assignment=OuterRef("pk")))
    rows = (
        Assignment.objects.filter(membership__in=members, revoked_at__isnull=True)
        .order_by()
        .values_list("membership_id")
        .annotate(total=Count("pk"), answered=Count("pk", filter=answered))
    )
    return dict.fromkeys(members, Progress()) | {member: Progress(total, done) for member, total, done in rows}
