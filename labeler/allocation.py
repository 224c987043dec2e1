"""Who grades how much of what: as it would be dealt now, and as it was dealt once labelling began. Counts alone."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from django.db.models import Count, Q

from labeler.allocation_chart import Row, specification
from labeler.assignment import golden_images
from labeler.models import Assignment, Fold, FoldItem, Membership, MembershipState, Study, StudyState
from labeler.planning import REPEAT_GAP
from labeler.preview import Load, preview
from labeler.vega import draw


@dataclass(frozen=True, slots=True)
class Allocation:
    """`problems` keep labelling from beginning; `drawn` of the golden images are yet to be drawn."""

    loads: tuple[Load, ...]
    training: int
    golden: int
    drawn: int
    largest_cluster: int
    problems: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        return sum(load.queue for load in self.loads)

    @property
    def short_gap(self) -> int:
        """The smallest gap before a repeat where it is less than it should be, else 0."""
        gaps = [load.gap for load in self.loads if load.repeats]
        return min(gaps) if gaps and min(gaps) < REPEAT_GAP else 0

    def picture(self) -> str:
        """The chart as an address that holds it whole; empty without raters or images."""
        if not self.loads or not self.training + self.golden:
            return ""
        rows = [Row(load.code, load.fold, load.repeats, load.golden) for load in self.loads]
        svg = draw(specification(rows, self.golden, self.training))
        return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def allocation(study: Study) -> Allocation:
    """What would be dealt while the study is set up, and what was dealt afterwards."""
    if study.state != StudyState.DRAFT:
        return _dealt(study)
    ahead = preview(study)
    return Allocation(
        loads=ahead.loads,
        training=ahead.training,
        golden=ahead.golden,
        drawn=ahead.drawn,
        largest_cluster=ahead.largest_cluster,
        problems=ahead.problems,
    )


def _dealt(study: Study) -> Allocation:
    folds = Fold.objects.filter(study=study, membership__isnull=False).select_related("membership__user")
    queues = _queues(study)
    return Allocation(
        loads=tuple(
            _load(fold.membership, queues.get(fold.membership.pk, _Queue()))
            for fold in folds.order_by("membership__code")
            if fold.membership is not None
        ),
        training=FoldItem.objects.filter(fold__study=study).values("image").distinct().count(),
        golden=golden_images(study).count(),
        drawn=0,
        largest_cluster=1,
    )


@dataclass(frozen=True, slots=True)
class _Queue:
    """What is in a rater's queue, sent or not: golden and training images by their first showing, and repeats."""

    fold: int = 0
    golden: int = 0
    repeats: int = 0


def _queues(study: Study) -> dict[int, _Queue]:
    """By membership id. What was not sent to somebody who dropped out is no longer theirs."""
    rows = Assignment.objects.filter(membership__study=study, revoked_at__isnull=True, rendition__isnull=False)
    golden = Q(image__golden_item__isnull=False)
    counts = rows.values("membership").annotate(
        fold=Count("pk", filter=~golden & Q(repeat=0)),
        golden=Count("pk", filter=golden & Q(repeat=0)),
        repeats=Count("pk", filter=Q(repeat__gt=0)),
    )
    return {row["membership"]: _Queue(row["fold"], row["golden"], row["repeats"]) for row in counts.order_by()}


def _load(rater: Membership, queue: _Queue) -> Load:
    who = str(rater.user or rater.external_name)
    if rater.state == MembershipState.WITHDRAWN:
        who += " (withdrawn)"
    return Load(rater.code, who, queue.fold, queue.golden, queue.repeats, REPEAT_GAP)
