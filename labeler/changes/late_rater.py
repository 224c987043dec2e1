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
# What a fold can give: groups by their number of images, each with a random number, in whose order they stand.
_Free = dict[int, list[tuple[int, Group]]]


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

    Only groups that their rater was sent nothing of, each cluster once. They are drawn at random among those by which
    neither the fold falls below the even load nor the newcomer rises above it; where there are none, the smallest by
    whose move the two loads come nearer. Afterwards the newcomer's load and that of any fold that has something left to
    give differ by at most the largest group.
    """
    free: dict[int, _Free] = {seat.fold.pk: {} for seat in panel}
    for group, raw in zip(there, rng.bit_generator.random_raw(len(there)).tolist(), strict=True):
        if not group.sent:
            free[group.fold].setdefault(len(group.images), []).append((raw, group))
    for pile in (pile for fold in free.values() for pile in fold.values()):
        pile.sort(key=lambda entry: entry[0])
    taken: dict[int, Group] = {}
    for seat in panel:
        if not seat.active:
            nobodys = (group for pile in free[seat.fold.pk].values() for _, group in pile)
            taken |= {group.cluster: group for group in nobodys if group.cluster not in taken}
    load = sum(len(group.images) for group in taken.values())
    fullest = [(-seat.load, place, seat.fold.pk) for place, seat in enumerate(panel) if seat.active]
    even = (load - sum(negative for negative, _, _ in fullest)) / (len(fullest) + 1)
    heapq.heapify(fullest)
    while fullest:
        negative, place, fold = heapq.heappop(fullest)
        fitting = _next_fitting(free[fold], taken, -negative - load, min(-negative - even, even - load))
        if fitting is None:
            continue
        taken[fitting.cluster] = fitting
        load += len(fitting.images)
        heapq.heappush(fullest, (negative + len(fitting.images), place, fold))
    return list(taken.values())


def _next_fitting(free: _Free, taken: dict[int, Group], room: int, wanted: float) -> Group | None:
    """The next group by whose move the two loads come nearer, of at most `wanted` images where there is one.

    What doesn't fit now never will, as the loads only come nearer.
    """
    for pile in free.values():
        while pile and pile[-1][1].cluster in taken:
            pile.pop()
    sizes = [size for size, pile in free.items() if pile and size < room]
    if not sizes:
        return None
    return free[min(sizes, key=lambda size: (max(0, size - wanted), free[size][-1][0]))].pop()[1]


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
