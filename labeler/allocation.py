"""Who grades how much of what: as it would be dealt now, and as it was dealt once labelling began. Counts alone."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from labeler.allocation_chart import Row, specification
from labeler.assignment import golden_images
from labeler.models import Assignment, Fold, FoldItem, MembershipState, Study, StudyState
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
        rows = [Row(load.code, load.fold, load.repeats) for load in self.loads]
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
    golden = golden_images(study).count()
    again = Assignment.objects.filter(membership__study=study, repeat__gt=0, revoked_at__isnull=True)
    repeats = dict(again.filter(rendition__isnull=False).values_list("membership").annotate(Count("pk")).order_by())
    folds = Fold.objects.filter(study=study, membership__isnull=False).select_related("membership__user")
    return Allocation(
        loads=tuple(_loads(folds.annotate(images=Count("items")).order_by("membership__code"), golden, repeats)),
        training=FoldItem.objects.filter(fold__study=study).values("image").distinct().count(),
        golden=golden,
        drawn=0,
        largest_cluster=1,
    )


def _loads(folds: Iterable[Fold], golden: int, repeats: dict[int, int]) -> Iterable[Load]:
    for fold in folds:
        rater = fold.membership
        if rater is None:
            continue
        who = str(rater.user or rater.external_name)
        if rater.state == MembershipState.WITHDRAWN:
            who += " (withdrawn)"
        images: int = fold.images  # type: ignore[attr-defined]  # annotated
        yield Load(rater.code, who, images, golden, repeats.get(rater.pk, 0), REPEAT_GAP)
