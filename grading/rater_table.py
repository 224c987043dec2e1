"""The lead's table of raters: how far each is, whether they count, and how well they agree with the panel."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef

from grading.consensus import PanelFigures
from grading.panel import Seat
from labeler.models import Assignment, Label, Study
from mlcore.agreement import RaterAgreement


@dataclass(frozen=True, slots=True)
class RaterRow:
    """agreement: None for a rater who does not count. answered of assigned: over everything that they were dealt."""

    seat: Seat
    answered: int
    assigned: int
    agreement: RaterAgreement | None

    @property
    def percent(self) -> int:
        return 100 * self.answered // self.assigned if self.assigned else 0


def rater_rows(study: Study, figures: PanelFigures) -> list[RaterRow]:
    """Every rater of the study, in the order of their codes. One query."""
    progress = _progress(study)
    agreements = dict(zip((seat.membership for seat in figures.panel), figures.agreement.raters, strict=True))
    return [
        RaterRow(seat, *progress.get(seat.membership, (0, 0)), agreements.get(seat.membership))
        for seat in figures.seats
    ]


def _progress(study: Study) -> dict[int, tuple[int, int]]:
    """Answered and assigned images of each membership."""
    answers = Label.objects.filter(assignment=OuterRef("pk"))
    counted = (
        Assignment.objects.filter(membership__study=study, revoked_at__isnull=True)
        .values("membership_id")
        .annotate(assigned=Count("pk"), answered=Count("pk", filter=Exists(answers)))
    )
    return {row["membership_id"]: (row["answered"], row["assigned"]) for row in counted}
