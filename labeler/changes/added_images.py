"""Images that came while the study was running are dealt: some are golden, the others go to the emptiest raters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from numpy.random import Generator

from accounts import audit
from accounts.audit import Actor
from labeler import dealing
from labeler.changes.panel import Portion, Seat, chance, golden_in_use, lock, seats
from labeler.changes.queues import requeue
from labeler.clusters import not_searched
from labeler.commitments import IMAGES_ADDED, commit
from labeler.models import FoldItem, GoldenItem, Image, Study, usable_images
from labeler.planning import deal

LIKE_WITHDRAWN = "It belongs together with golden images that were withdrawn."
LIKE_DROPPED = "It belongs together with images of a rater who dropped out."


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image that is not dealt, and why not."""

    image: int
    reason: str


@dataclass(frozen=True, slots=True)
class AddedPlan:
    """Where images that wait would go; `dealt` by the place in `receivers`."""

    golden: tuple[int, ...]
    receivers: tuple[Seat, ...]
    dealt: tuple[tuple[int, ...], ...]
    left_out: tuple[LeftOut, ...]

    @property
    def portions(self) -> tuple[Portion, ...]:
        pairs = zip(self.receivers, self.dealt, strict=True)
        return tuple(Portion(seat.membership.code, seat.load, seat.load + len(images)) for seat, images in pairs)

    @property
    def training(self) -> int:
        """How many images become training images, each counted once."""
        return len({image for images in self.dealt for image in images})


def waiting(study: Study) -> int:
    """How many usable images of a running study were dealt to nobody."""
    return _waiting(study).count()


def golden_share(study: Study) -> float:
    """What share of the images dealt is golden."""
    golden = len(golden_in_use(study))
    training = FoldItem.objects.filter(fold__study=study).values("image").distinct().count()
    return golden / (golden + training) if golden else 0.0


def plan_added(study: Study, share: float | None = None) -> AddedPlan:
    """Where the images that wait would go, without dealing them. `share` (of golden ones) is the study's own if None.

    Raises ValidationError while nothing waits, images wait to be searched for duplicates, or nobody is there to rate.
    """
    unsearched = not_searched(study)
    if unsearched:
        raise ValidationError(
            f"{unsearched} images were not searched for near-duplicates yet. That comes first, as images that belong "
            "together must have one rater."
        )
    images = dict(_waiting(study).values_list("pk", "cluster"))
    if not images:
        raise ValidationError("No image waits to be dealt.")
    panel = [seat for seat in seats(study) if seat.active]
    if len(panel) < study.overlap:
        raise ValidationError(f"Each image goes to {study.overlap} raters, and there are only {len(panel)}.")
    return _plan(study, images, panel, golden_share(study) if share is None else share)


def _waiting(study: Study) -> QuerySet[Image]:
    return Image.objects.filter(
        usable_images(),
        ~Exists(FoldItem.objects.filter(image=OuterRef("pk"))),
        ~Exists(GoldenItem.objects.filter(image=OuterRef("pk"))),
        study=study,
    ).order_by("pk")


def _plan(study: Study, images: Mapping[int, int | None], panel: Sequence[Seat], share: float) -> AddedPlan:
    clusters: defaultdict[int, list[int]] = defaultdict(list)
    for image, cluster in images.items():
        clusters[image if cluster is None else cluster].append(image)
    items = GoldenItem.objects.filter(study=study)
    with_golden = set(_clusters_of(items.values_list("image__cluster", flat=True)))
    in_use = set(_clusters_of(items.filter(withdrawn_at__isnull=True).values_list("image__cluster", flat=True)))
    folds = _folds_of(study, clusters)
    golden, left_out, fresh = list[int](), list[LeftOut](), list[list[int]]()
    dealt: list[list[int]] = [[] for _ in panel]
    place = {seat.fold.pk: at for at, seat in enumerate(panel)}
    for cluster, members in clusters.items():
        owners = [place[fold] for fold in folds.get(cluster, ()) if fold in place]
        if cluster in in_use:
            golden += members  # left out, they would tell everybody who sees them wait what the others are
        elif cluster in with_golden:
            left_out += [LeftOut(image, LIKE_WITHDRAWN) for image in members]
        elif cluster in folds and not owners:
            left_out += [LeftOut(image, LIKE_DROPPED) for image in members]
        elif owners:
            for owner in owners[: study.overlap]:
                dealt[owner] += members
        else:
            fresh.append(members)
    rng = chance(study, "images added")
    drawn, training = _drawn(fresh, share, rng)
    loads = [seat.load + len(mine) for seat, mine in zip(panel, dealt, strict=True)]
    for mine, more in zip(dealt, deal(training, loads, study.overlap, rng), strict=True):
        mine += more
    return AddedPlan((*golden, *drawn), tuple(panel), tuple(map(tuple, dealt)), tuple(left_out))


def _clusters_of(clusters: Iterable[int | None]) -> Iterable[int]:
    return (cluster for cluster in clusters if cluster is not None)


def _folds_of(study: Study, clusters: Mapping[int, object]) -> dict[int, list[int]]:
    """The folds in which other images of these clusters are, those with most of them first."""
    counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    rows = FoldItem.objects.filter(fold__study=study, image__cluster__isnull=False)
    for fold, cluster in rows.values_list("fold_id", "image__cluster").iterator():
        if cluster is not None and cluster in clusters:
            counts[cluster][fold] += 1
    return {cluster: [fold for fold, _ in found.most_common()] for cluster, found in counts.items()}


def _drawn(fresh: Sequence[list[int]], share: float, rng: Generator) -> tuple[list[int], list[list[int]]]:
    """Each cluster is golden by chance, as likely as an image of the study is; the rest are for training."""
    golden: list[int] = []
    training: list[list[int]] = []
    for members, raw in zip(fresh, rng.bit_generator.random_raw(len(fresh)).tolist(), strict=True):
        if raw < share * 2**64:
            golden += members
        else:
            training.append(members)
    return golden, training


@transaction.atomic
def deal_added(study: Study, *, actor: Actor, share: float | None = None) -> AddedPlan:
    """Deal the images that came since, shuffled into what nobody was sent yet.

    A new cluster is golden with the study's own chance, so that what is added has the same mix (`share` 0 gives
    training images alone: once a rater was sent all golden images, they could tell). One that belongs to images of a
    fold goes to that fold's raters, and one that belongs to a golden image is golden. Raises ValidationError as
    `plan_added` does, and NotRunning.
    """
    locked = lock(study)
    plan = plan_added(locked, share)
    if not plan.golden and not plan.training:
        raise ValidationError(f"None of the {len(plan.left_out)} images that wait can be dealt.")
    GoldenItem.objects.bulk_create(GoldenItem(study=locked, image_id=image) for image in plan.golden)
    rng = chance(locked, "queues after images added")
    for seat, images in zip(plan.receivers, plan.dealt, strict=True):
        dealing.write_fold_items((seat.fold.pk, image) for image in sorted(images))
        requeue(seat.membership, [*images, *plan.golden], locked.repeat_share, rng)
    after = {
        "folds": {portion.code: portion.has for portion in plan.portions},
        "golden": len(plan.golden),
        "left_out": len(plan.left_out),
    }
    audit.record(actor, "images.dealt", study, study_id=study.pk, after=after)
    commit(locked, IMAGES_ADDED, actor=actor)
    return plan
