"""The lead's table of raters: how far each is, whether they count, and how well they agree with the panel."""

from __future__ import annotations

from dataclasses import dataclass

from grading.consensus import PanelFigures
from grading.panel import Seat
from labeler.progress import Progress, progress_of
from mlcore.agreement import RaterAgreement


@dataclass(frozen=True, slots=True)
class RaterRow:
    """agreement: None for a rater who does not count. progress: over everything that they were dealt."""

    seat: Seat
    progress: Progress
    agreement: RaterAgreement | None


def rater_rows(figures: PanelFigures) -> list[RaterRow]:
    """Every rater of the study, in the order of their codes. One query."""
    progress = progress_of(seat.membership for seat in figures.seats)
    agreements = dict(zip((seat.membership for seat in figures.panel), figures.agreement.raters, strict=True))
    return [RaterRow(seat, progress[seat.membership], agreements.get(seat.membership)) for seat in figures.seats]
