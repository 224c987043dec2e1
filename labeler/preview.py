"""What beginning to label would give every rater, before anything is fixed.

Computed with chance of its own, never the study's, and in sizes alone: it names no image, so there is nothing in it
that a rater may not see.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.db.models import Count

from labeler.assignment import golden_images, problems, raters_to_deal_to, training_images
from labeler.models import Membership, Study
from labeler.planning import deal, repeat_gap, repeats_in, stream
from labeler.stratified import pick


@dataclass(frozen=True, slots=True)
class Load:
    """What one rater would get. `gap` others lie at least between the two showings of a repeated image."""

    code: str
    who: str
    fold: int
    golden: int
    repeats: int
    gap: int

    @property
    def queue(self) -> int:
        """How many images they grade in all, a repeat counted again."""
        return self.fold + self.golden + self.repeats


@dataclass(frozen=True, slots=True)
class Preview:
    """The loads, in the order of the raters' codes, and what they are made of; `problems` keep it from happening.

    Fold sizes are an example where clusters differ in size: chance decides who gets which. `drawn` of the `golden`
    images are drawn only when labelling begins, and may be a few fewer where clusters go whole.
    """

    loads: tuple[Load, ...]
    training: int
    golden: int
    drawn: int
    clusters: int
    largest_cluster: int
    overlap: int
    repeat_share: float
    problems: tuple[str, ...]

    @property
    def total(self) -> int:
        """How many gradings the panel would do."""
        return sum(load.queue for load in self.loads)


def preview(study: Study) -> Preview:
    """What `labeler.assignment.assign` would deal if it were asked now; nothing is written."""
    raters = list(raters_to_deal_to(study).select_related("user"))
    found = problems(study, raters)
    sizes = _cluster_sizes(study)
    left, drawn = _without_drawn(sizes, study.golden_draw_size)
    if drawn < study.golden_draw_size and sum(sizes) < study.golden_draw_size:
        found.append(f"{study.golden_draw_size} golden images are to be drawn, but there are only {sum(sizes)} left.")
    golden = golden_images(study).count() + drawn
    return Preview(
        loads=tuple(_loads(study, raters, left, golden)),
        training=sum(left),
        golden=golden,
        drawn=drawn,
        clusters=len(left),
        largest_cluster=max(left, default=0),
        overlap=study.overlap,
        repeat_share=study.repeat_share,
        problems=tuple(found),
    )


def _cluster_sizes(study: Study) -> list[int]:
    """The sizes of the training images' clusters; an image that was not searched for yet stands alone."""
    images = training_images(study)
    counted = images.filter(cluster__isnull=False).values("cluster").annotate(size=Count("pk"))
    together = list(counted.filter(size__gt=1).order_by().values_list("size", flat=True))
    return together + [1] * (images.count() - sum(together))


def _without_drawn(sizes: list[int], draw: int) -> tuple[list[int], int]:
    """The clusters that a golden draw would leave, and how many images it would take."""
    if draw == 0 or sum(sizes) < draw:
        return sizes, 0
    taken = set(pick(sizes, draw, stream(secrets.randbits(62), "preview of the draw")))
    return [size for at, size in enumerate(sizes) if at not in taken], sum(sizes[at] for at in taken)


def _loads(study: Study, raters: list[Membership], sizes: list[int], golden: int) -> list[Load]:
    if not 0 < study.overlap <= len(raters):
        return []
    # A cluster is dealt by its size alone, so a range of that length stands for its images.
    chance = stream(secrets.randbits(62), "preview")
    folds = [len(fold) for fold in deal([range(size) for size in sizes], [0] * len(raters), study.overlap, chance)]
    return [
        Load(
            code=rater.code,
            who=str(rater.user or rater.external_name),
            fold=fold,
            golden=golden,
            repeats=repeats_in(fold + golden, study.repeat_share),
            gap=repeat_gap(fold + golden, study.repeat_share),
        )
        for rater, fold in zip(raters, folds, strict=True)
    ]
