"""A rater who comes when the study is already running takes their part of what was not sent to anybody."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from numpy.random import Generator

from accounts import audit
from accounts.audit import Actor
from labeler import dealing
from labeler.changes.panel import (
    Group,
    Portion,
    Seat,
    chance,
    golden_in_use,
    groups,
    lock,
    move,
    renditions,
    revoke,
    seats,
)
from labeler.changes.queues import requeue
from labeler.commitments import RATER_ADDED, commit
from labeler.models import Fold, Membership, Study
from labeler.planning import shuffled

TAKEN = "went to a rater who came later"


@dataclass(frozen=True, slots=True)
class LateRaterPlan:
    """What a late rater takes from whom. `golden` counts the images that everybody grades."""

    taken: tuple[Group, ...]
    portions: tuple[Portion, ...]
    golden: int

    @property
    def fold(self) -> int:
        """How many training images the new rater gets."""
        return sum(len(group.images) for group in self.taken)


def plan_late_rater(study: Study) -> LateRaterPlan:
    """What one more rater would take, without taking it. Raises ValidationError where that is no training image."""
    panel = seats(study)
    taken = even_out(panel, groups(seat.fold for seat in panel), chance(study, "late rater"))
    if not taken and any(seat.load for seat in panel):
        raise ValidationError(
            "Every training image was sent to its rater already. A new rater would get the golden set alone, and would "
            "know by that which images are golden."
        )
    lost = Counter({seat.fold.pk: 0 for seat in panel})
    for group in taken:
        lost[group.fold] += len(group.images)
    portions = tuple(
        Portion(seat.membership.code, seat.load, seat.load - lost[seat.fold.pk])
        for seat in panel
        if seat.active or lost[seat.fold.pk]
    )
    return LateRaterPlan(tuple(taken), portions, len(golden_in_use(study)))


def even_out(panel: Sequence[Seat], there: Sequence[Group], rng: Generator) -> list[Group]:
    """The groups that a newcomer takes: all that nobody grades any more, then from the fullest folds until even.

    Only groups that their rater was sent nothing of, each cluster once, drawn at random within a fold. Afterwards
    the newcomer's load and that of any fold that has something left to give differ by at most the largest group.
    """
    free: dict[int, list[Group]] = {seat.fold.pk: [] for seat in panel}
    for group, _ in sorted(zip(there, rng.bit_generator.random_raw(len(there)), strict=True), key=lambda pair: pair[1]):
        if not group.sent:
            free[group.fold].append(group)
    taken: dict[int, Group] = {}
    for seat in panel:
        if not seat.active:
            taken |= {group.cluster: group for group in free[seat.fold.pk] if group.cluster not in taken}
    load = sum(len(group.images) for group in taken.values())
    fullest = [(-seat.load, place, seat.fold.pk) for place, seat in enumerate(panel) if seat.active]
    heapq.heapify(fullest)
    while fullest:
        negative, place, fold = heapq.heappop(fullest)
        fitting = _next_fitting(free[fold], taken, -negative - load)
        if fitting is None:
            continue
        taken[fitting.cluster] = fitting
        load += len(fitting.images)
        heapq.heappush(fullest, (negative + len(fitting.images), place, fold))
    return list(taken.values())


def _next_fitting(free: list[Group], taken: dict[int, Group], room: int) -> Group | None:
    """The next group by whose move the two loads come nearer. What doesn't fit now never will, as they only do that."""
    while free:
        group = free.pop()
        if group.cluster not in taken and len(group.images) < room:
            return group
    return None


@transaction.atomic
def add_late_rater(study: Study, membership: Membership, *, actor: Actor) -> LateRaterPlan:
    """Give a new rater of a running study the golden set and an even part of the training images.

    They come from the fullest folds, in whole clusters that their rater was sent nothing of, and first of all from
    those of raters who dropped out. Raises ValidationError as `plan_late_rater` does and where the rater has images
    already, and NotRunning.
    """
    locked = lock(study)
    if membership.study_id != study.pk or membership.assignments.exists() or membership.folds.exists():
        raise ValidationError(f"{membership.code} has images already, or is in another study.")
    plan = plan_late_rater(locked)
    rng = chance(locked, f"late rater {membership.code}")
    last = Fold.objects.filter(study=study).aggregate(last=Max("number"))["last"] or 0
    fold = Fold.objects.create(study=study, number=last + 1, membership=membership)
    for seat in seats(locked):
        images = [image for group in plan.taken if group.fold == seat.fold.pk for image in group.images]
        move(seat.fold, fold, images)
        if images and seat.active:
            revoke(seat.membership, TAKEN, images)
            if locked.repeat_share:  # fewer lie between two showings now
                requeue(seat.membership, (), locked.repeat_share, rng)
    mine = sorted([*golden_in_use(locked), *(image for group in plan.taken for image in group.images)])
    dealing.write(membership, shuffled(mine, locked.repeat_share, rng), renditions(mine), after_key=0)
    after = {"code": membership.code, "fold": plan.fold, "golden": plan.golden, "folds": _sizes(plan)}
    audit.record(actor, "rater.added_late", membership, study_id=study.pk, after=after)
    commit(locked, RATER_ADDED, actor=actor)
    return plan


def _sizes(plan: LateRaterPlan) -> dict[str, int]:
    return {portion.code: portion.has for portion in plan.portions}
