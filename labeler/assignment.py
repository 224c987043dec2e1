"""Who grades what, and in which order: as published, even folds of training images, and everybody the golden set.

`plan` is the pure part. Everything random comes from the study's seed, which nobody sees while the study runs; the
orders are stored, so nothing is ever computed again.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.audit import Actor
from labeler.models import (
    Assignment,
    Fold,
    FoldItem,
    GoldenItem,
    Image,
    Membership,
    MembershipState,
    Rendition,
    Role,
    Study,
    StudyState,
    usable_images,
)
from labeler.studies import set_state

# Room between neighbours, for what may have to be placed between them later.
SORT_KEY_STEP = 2**20
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Share:
    """One rater's part: their fold of the training images, and all that they grade in the order that they see it."""

    fold: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Supply:
    """What there is to deal, by image id in ascending order."""

    training: tuple[int, ...]
    golden: tuple[int, ...]


def plan(training: Sequence[int], golden: Sequence[int], raters: Sequence[str], seed: int) -> list[Share]:
    """Deal images (by id) to raters (by code): the same seed, images and codes give the same shares.

    Training images are shuffled and dealt in turn, so folds differ in size by at most one. Every rater's order is a
    uniform shuffle of fold and golden set together, so no place in a queue is likelier to be golden than another.
    """
    if not raters:
        raise ValueError("there is nobody to deal to")
    dealt = list(training)
    random.Random(f"{seed} folds").shuffle(dealt)
    shares = []
    for place, code in enumerate(raters):
        fold = dealt[place :: len(raters)]
        order = [*fold, *golden]
        random.Random(f"{seed} order {code}").shuffle(order)
        shares.append(Share(tuple(fold), tuple(order)))
    return shares


def supply(study: Study) -> Supply:
    """The images that raters can be given: neither erased nor rejected, golden ones apart."""
    usable = Image.objects.filter(usable_images(), study=study).order_by("pk")
    kept = GoldenItem.objects.filter(study=study)
    golden = set(kept.filter(withdrawn_at__isnull=True).values_list("image_id", flat=True))
    never_training = set(kept.values_list("image_id", flat=True))
    images = list(usable.values_list("pk", flat=True))
    return Supply(
        training=tuple(image for image in images if image not in never_training),
        golden=tuple(image for image in images if image in golden),
    )


def raters_to_deal_to(study: Study) -> QuerySet[Membership]:
    """Active raters who can sign in. Panels imported from files have graded what they will."""
    return Membership.objects.filter(
        study=study, role=Role.RATER, state=MembershipState.ACTIVE, user__isnull=False
    ).order_by("code")


@transaction.atomic
def assign(study: Study, *, actor: Actor, memberships: Sequence[Membership] | None = None) -> list[Fold]:
    """Fix who grades what, and begin labelling. Returns the folds, one per rater.

    `memberships` names the raters where not just everybody with an account takes part, such as simulated ones. Raises
    ValidationError when the study is not being set up, has no raters or no images, or was assigned already.
    """
    state = Study.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=study.pk)
    if state != StudyState.DRAFT:
        raise ValidationError("Images are assigned while a study is being set up; this one has begun.")
    if Fold.objects.filter(study=study).exists():
        raise ValidationError("The images of this study are assigned already.")
    raters = list(raters_to_deal_to(study)) if memberships is None else sorted(memberships, key=lambda who: who.code)
    there = supply(study)
    _check(study, raters, there)
    shares = plan(there.training, there.golden, [rater.code for rater in raters], study.seed)
    renditions = dict(Rendition.objects.filter(image__study=study).values_list("image_id", "pk"))
    folds = [
        _deal(study, number, rater, share, renditions)
        for number, (rater, share) in enumerate(zip(raters, shares, strict=True), start=1)
    ]
    sizes = {rater.code: len(share.fold) for rater, share in zip(raters, shares, strict=True)}
    audit.record(actor, "study.assigned", study, study_id=study.pk, after={"folds": sizes, "golden": len(there.golden)})
    set_state(study, StudyState.LABELLING, actor=actor)
    return folds


def _check(study: Study, raters: Sequence[Membership], there: Supply) -> None:
    if not raters:
        raise ValidationError("The study has no active rater with an account. Add raters first.")
    if not there.training and not there.golden:
        raise ValidationError("The study has no images that could be graded. Import images first.")
    if any(rater.study_id != study.pk or rater.role != Role.RATER for rater in raters):
        raise ValidationError("Images can be assigned to raters of this study only.")
    busy = Membership.objects.filter(pk__in=[rater.pk for rater in raters], assignments__isnull=False).distinct()
    codes = ", ".join(busy.order_by("code").values_list("code", flat=True))
    if codes:
        raise ValidationError(f"These raters have images already, from imported grades: {codes}.")


def _deal(study: Study, number: int, rater: Membership, share: Share, renditions: Mapping[int, int]) -> Fold:
    fold = Fold.objects.create(study=study, number=number, membership=rater)
    FoldItem.objects.bulk_create((FoldItem(fold=fold, image_id=image) for image in share.fold), batch_size=_BATCH)
    Assignment.objects.bulk_create(
        (
            Assignment(membership=rater, image_id=image, rendition_id=renditions[image], sort_key=place * SORT_KEY_STEP)
            for place, image in enumerate(share.order, start=1)
        ),
        batch_size=_BATCH,
    )
    return fold
