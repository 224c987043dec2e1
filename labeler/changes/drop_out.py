"""A rater drops out: what they were not sent goes to the others, in whole clusters and even parts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from labeler.changes.panel import (
    RUNNING,
    Group,
    NotRunning,
    Portion,
    Seat,
    chance,
    golden_in_use,
    groups,
    lock,
    move,
    revoke,
    seats,
    unsent,
)
from labeler.changes.queues import requeue
from labeler.commitments import RATER_WITHDRAWN, commit
from labeler.models import Assignment, FoldItem, Label, Membership, MembershipState, Role, Study, StudyState
from labeler.planning import deal

DROPPED_OUT = "the rater dropped out"


@dataclass(frozen=True, slots=True)
class WithdrawalPlan:
    """What becomes of a fold whose rater drops out.

    `dealt` says by the place in `receivers` which images each gets. Of the others, `unanswered` were sent and not
    graded, `beside_sent` belong to a cluster of which something was sent, and for `nobodys` there is no rater left.
    """

    receivers: tuple[Seat, ...]
    dealt: tuple[tuple[int, ...], ...]
    unanswered: int = 0
    beside_sent: int = 0
    nobodys: int = 0
    # Somebody gets training images who has no golden image to come among them.
    training_only: bool = False

    @property
    def portions(self) -> tuple[Portion, ...]:
        pairs = zip(self.receivers, self.dealt, strict=True)
        return tuple(Portion(seat.membership.code, seat.load, seat.load + len(images)) for seat, images in pairs)

    @property
    def moved(self) -> int:
        return sum(len(images) for images in self.dealt)

    @property
    def ungraded(self) -> int:
        """Images of the fold that stay without this rater's grade, and go to nobody else."""
        return self.unanswered + self.beside_sent + self.nobodys


def plan_withdrawal(membership: Membership) -> WithdrawalPlan:
    """What would go to whom, without dealing it."""
    study = Study.objects.get(pk=membership.study_id)
    panel = seats(study)
    mine = [seat.fold for seat in panel if seat.membership.pk == membership.pk]
    others = [seat for seat in panel if seat.active and seat.membership.pk != membership.pk]
    if not mine or study.state not in RUNNING:
        return WithdrawalPlan((), ())
    there = groups(mine)
    free = [group for group in there if not group.sent]
    hopeful = _with_golden_to_come(study, others)
    barred = [_barred(owners, hopeful, len(others)) for owners in _owners(free, others)]
    dealable = [place for place, away in enumerate(barred) if len(away) < len(others)]
    dealt = deal(
        [free[place].images for place in dealable],
        [seat.load for seat in others],
        1,
        chance(study, f"drop-out {membership.code}"),
        barred={at: barred[place] for at, place in enumerate(dealable)},
    )
    moved = sum(len(images) for images in dealt)
    unanswered = _unanswered(membership, mine[0].pk)
    sent_groups = sum(len(group.images) for group in there if group.sent)
    return WithdrawalPlan(
        receivers=tuple(others),
        dealt=tuple(tuple(images) for images in dealt),
        unanswered=unanswered,
        beside_sent=sent_groups - _sent(membership, mine[0].pk).count(),
        nobodys=sum(len(group.images) for group in free) - moved,
        training_only=any(images and place not in hopeful for place, images in enumerate(dealt)),
    )


def _with_golden_to_come(study: Study, others: Sequence[Seat]) -> set[int]:
    """The places of raters who have golden images left among which training images can hide."""
    golden = golden_in_use(study)
    return {
        place
        for place, seat in enumerate(others)
        if unsent(seat.membership).filter(image__in=golden, repeat=0).exists()
    }


def _owners(free: Sequence[Group], others: Sequence[Seat]) -> list[set[int]]:
    """For each group, the places of the raters who have an image of it already: with overlap, there are such."""
    place = {seat.fold.pk: at for at, seat in enumerate(others)}
    group_of = {image: at for at, group in enumerate(free) for image in group.images}
    owners: list[set[int]] = [set() for _ in free]
    if others and others[0].fold.study.overlap > 1:
        items = FoldItem.objects.filter(fold__in=list(place)).values_list("fold_id", "image_id")
        for fold, image in items.iterator():
            if image in group_of:
                owners[group_of[image]].add(place[fold])
    return owners


def _barred(owners: set[int], hopeful: set[int], raters: int) -> Collection[int]:
    """Who can't take a group: who has it, and, while somebody else can, who has no golden image to come."""
    return set(range(raters)) - (hopeful - owners) if hopeful - owners else owners


def _sent(membership: Membership, fold: int) -> QuerySet[Assignment]:
    in_fold = FoldItem.objects.filter(fold=fold, image=OuterRef("image"), image__erased_at__isnull=True)
    return Assignment.objects.filter(
        Exists(in_fold), membership=membership, revoked_at__isnull=True, released_at__isnull=False, repeat=0
    )


def _unanswered(membership: Membership, fold: int) -> int:
    return _sent(membership, fold).filter(~Exists(Label.objects.filter(assignment=OuterRef("pk")))).count()


@transaction.atomic
def withdraw_rater(membership: Membership, reason: str, *, actor: Actor) -> WithdrawalPlan:
    """A rater drops out. Their grades stay; what they were not sent is dealt evenly to the others, by cluster.

    A cluster of which they were sent something stays with their fold, so that it never has two raters; so does what
    they were sent and did not grade. Raters with golden images still to come are preferred: a tail of training images
    alone would tell. Raises ValidationError without a reason and for somebody who does not rate, and NotRunning once
    the study is closed.
    """
    study = Study.objects.select_for_update(no_key=True).get(pk=membership.study_id)
    _check(membership, reason, study)
    if study.state == StudyState.DRAFT:
        _set_withdrawn(membership, reason, {}, actor)
        return WithdrawalPlan((), ())
    lock(study)
    plan = plan_withdrawal(membership)
    revoke(membership, DROPPED_OUT)
    rng = chance(study, f"queues after {membership.code}")
    fold = membership.folds.first()
    for seat, images in zip(plan.receivers, plan.dealt, strict=True):
        if images and fold is not None:
            move(fold, seat.fold, images)
            requeue(seat.membership, images, study.repeat_share, rng)
    figures = {"dealt": {portion.code: portion.has - portion.had for portion in plan.portions}}
    _set_withdrawn(membership, reason, figures | {"ungraded": plan.ungraded}, actor)
    if fold is not None:
        commit(study, RATER_WITHDRAWN, actor=actor)
    return plan


def _check(membership: Membership, reason: str, study: Study) -> None:
    membership.refresh_from_db(fields=["state", "role"])
    if study.state == StudyState.CLOSED:
        raise NotRunning(study)
    if membership.role != Role.RATER or membership.state == MembershipState.WITHDRAWN:
        raise ValidationError(f"{membership.code} is no rater of this study, or no longer.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why: it stays in the study’s record."})


def _set_withdrawn(membership: Membership, reason: str, figures: dict[str, object], actor: Actor) -> None:
    membership.state = MembershipState.WITHDRAWN
    membership.withdrawn_at, membership.withdrawn_reason = timezone.now(), reason.strip()
    membership.save(update_fields=["state", "withdrawn_at", "withdrawn_reason"])
    after = {"code": membership.code, "reason": membership.withdrawn_reason, **figures}
    audit.record(actor, "rater.withdrawn", membership, study_id=membership.study_id, after=after)
