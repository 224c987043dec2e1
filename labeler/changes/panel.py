"""Who takes part in a running study and how much each has, read under the locks that every event takes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import BigIntegerField, Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from numpy.random import Generator

from labeler.models import (
    Assignment,
    Commitment,
    Fold,
    FoldItem,
    GoldenItem,
    Membership,
    MembershipState,
    Rendition,
    Study,
    StudyState,
    usable_images,
)
from labeler.planning import stream
from labeler.studies import hold_raters

RUNNING = (StudyState.LABELLING, StudyState.PAUSED)
_BATCH = 5_000


class NotRunning(ValidationError):
    """The study is not being labelled: not yet, or no longer."""

    def __init__(self, study: Study) -> None:
        super().__init__(f"This changes a study that labels or is paused; this one is {study.get_state_display()}.")


@dataclass(frozen=True, slots=True)
class Portion:
    """What a rater gets of what is dealt; `had` and `has` count the training images of their fold before and after."""

    code: str
    had: int
    has: int


@dataclass(frozen=True, slots=True)
class Seat:
    """A rater of the panel with their fold; `load` is how many images it has."""

    membership: Membership
    fold: Fold
    load: int

    @property
    def active(self) -> bool:
        return self.membership.state == MembershipState.ACTIVE


@dataclass(frozen=True, slots=True)
class Group:
    """The images of one cluster in one fold, and whether any of them was sent to that fold's rater."""

    fold: int
    cluster: int
    images: tuple[int, ...]
    sent: bool


def lock(study: Study) -> Study:
    """The study as it is, held against all other events and against every rater's requests until this one ends.

    Raises NotRunning.
    """
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if locked.state not in RUNNING:
        raise NotRunning(locked)
    hold_raters(study)
    return locked


def chance(study: Study, what: str) -> Generator:
    """The stream of a study's next event: a preview and the event that follows it draw the same."""
    number = Commitment.objects.filter(study=study).count() + 1
    return stream(study.seed, f"{what} {number}")


def seats(study: Study) -> list[Seat]:
    """Everybody who has a fold, in the folds' order, whoever has dropped out among them."""
    folds = Fold.objects.filter(study=study, membership__isnull=False).select_related("membership")
    return [
        Seat(fold.membership, fold, fold.load)
        for fold in folds.annotate(load=Count("items")).order_by("number")
        if fold.membership is not None
    ]


def groups(folds: Iterable[Fold]) -> list[Group]:
    """What is in these folds, cluster by cluster; erased images are passed over."""
    shown = Assignment.objects.filter(
        membership=OuterRef("fold__membership"),
        image=OuterRef("image"),
        revoked_at__isnull=True,
        released_at__isnull=False,
    )
    rows = (
        FoldItem.objects.filter(fold__in=[fold.pk for fold in folds], image__erased_at__isnull=True)
        .annotate(group=Coalesce("image__cluster", "image_id", output_field=BigIntegerField()), sent=Exists(shown))
        .values_list("fold_id", "group", "image_id", "sent")
    )
    images: dict[tuple[int, int], list[int]] = {}
    sent: set[tuple[int, int]] = set()
    for fold, cluster, image, was_sent in rows.order_by("image_id").iterator():
        images.setdefault((fold, cluster), []).append(image)
        if was_sent:
            sent.add((fold, cluster))
    return [Group(*key, images=tuple(ids), sent=key in sent) for key, ids in sorted(images.items())]


def unsent(membership: Membership) -> QuerySet[Assignment]:
    """What is in a rater's queue and has not left for a browser."""
    return Assignment.objects.filter(
        membership=membership,
        revoked_at__isnull=True,
        released_at__isnull=True,
        shown_seq__isnull=True,
        rendition__isnull=False,
    )


def revoke(membership: Membership, reason: str, images: Collection[int] | None = None) -> int:
    """Take what was not sent out of a rater's queue: these images, or all. Returns how many places went."""
    rows, now = unsent(membership), timezone.now()
    if images is None:
        return rows.update(revoked_at=now, revoke_reason=reason)
    ids = sorted(images)
    return sum(
        rows.filter(image__in=ids[start : start + _BATCH]).update(revoked_at=now, revoke_reason=reason)
        for start in range(0, len(ids), _BATCH)
    )


def golden_in_use(study: Study) -> list[int]:
    """The golden images that a rater is to be given."""
    items = GoldenItem.objects.filter(usable_images("image__"), study=study, withdrawn_at__isnull=True)
    return list(items.order_by("image_id").values_list("image_id", flat=True))


def renditions(images: Collection[int]) -> dict[int, int]:
    """The rendition of each image, both by id."""
    ids = sorted(images)
    found: dict[int, int] = {}
    for start in range(0, len(ids), _BATCH):
        batch = Rendition.objects.filter(image__in=ids[start : start + _BATCH])
        found.update(batch.values_list("image_id", "pk"))
    return found


def move(source: Fold, target: Fold, images: Collection[int]) -> None:
    """Put images of one fold into another."""
    ids = sorted(images)
    for start in range(0, len(ids), _BATCH):
        FoldItem.objects.filter(Q(fold=source), image__in=ids[start : start + _BATCH]).update(fold=target)
