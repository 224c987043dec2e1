"""Who grades what: from the images and raters that are there to folds, queues, and a study that labels.

`labeler.planning` is the pure part. Everything random comes from the study's seed, which nobody sees while the study
runs; the orders are stored, so nothing is ever computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.audit import Actor
from labeler import clusters, commitments, golden
from labeler.dealing import write, write_fold_items
from labeler.models import (
    Fold,
    Image,
    Membership,
    MembershipState,
    Rendition,
    Role,
    Study,
    StudyState,
    usable_images,
)
from labeler.planning import Share, plan
from labeler.sight import leads_with_chosen
from labeler.studies import set_state

# done, total, and what is being done
Report = Callable[[int, int, str], None]
_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Supply:
    """What there is to deal, by image id: clusters of training images, and the golden set."""

    clusters: tuple[tuple[int, ...], ...]
    golden: tuple[int, ...]

    @property
    def training(self) -> int:
        return sum(map(len, self.clusters))


def supply(study: Study) -> Supply:
    """The images that raters can be given: neither erased nor rejected, golden ones apart."""
    rows = training_images(study).order_by("cluster", "pk").values_list("cluster", "pk")
    grouped = groupby(rows.iterator(chunk_size=_CHUNK), key=itemgetter(0))
    return Supply(
        clusters=tuple(tuple(image for _, image in members) for _, members in grouped),
        golden=tuple(golden_images(study).order_by("pk").values_list("pk", flat=True)),
    )


def training_images(study: Study) -> QuerySet[Image]:
    """What can be graded and never was golden."""
    return Image.objects.filter(usable_images(), study=study, golden_item__isnull=True)


def golden_images(study: Study) -> QuerySet[Image]:
    """What can be graded and is golden."""
    return Image.objects.filter(
        usable_images(), study=study, golden_item__isnull=False, golden_item__withdrawn_at__isnull=True
    )


def raters_to_deal_to(study: Study) -> QuerySet[Membership]:
    """Active raters who can sign in. Panels imported from files have graded what they will."""
    return Membership.objects.filter(
        study=study, role=Role.RATER, state=MembershipState.ACTIVE, user__isnull=False
    ).order_by("code")


def problems(study: Study, raters: Sequence[Membership]) -> list[str]:
    """What keeps the study from beginning with these raters, in words that say what to do. Names no image."""
    if study.state != StudyState.DRAFT:
        return ["Images are assigned while a study is being set up; this one has begun."]
    if Fold.objects.filter(study=study).exists():
        return ["The images of this study are assigned already."]
    return [*_problems_of_raters(study, raters), *_problems_of_images(study)]


def _problems_of_raters(study: Study, raters: Sequence[Membership]) -> Iterable[str]:
    if not raters:
        yield "The study has no active rater with an account. Add raters first."
    elif study.overlap > len(raters):
        yield (
            f"Each training image is to go to {study.overlap} raters, but there are only {len(raters)}. "
            "Add raters, or lower the overlap."
        )
    if any(rater.study_id != study.pk or rater.role != Role.RATER for rater in raters):
        yield "Images can be assigned to raters of this study only."
    busy = Membership.objects.filter(pk__in=[rater.pk for rater in raters], assignments__isnull=False).distinct()
    codes = ", ".join(busy.order_by("code").values_list("code", flat=True))
    if codes:
        yield f"These raters have images already, from imported grades: {codes}."
    blind = [rater.user_id for rater in raters if rater.user_id is not None and not rater.admitted_reason]
    leads = ", ".join(str(lead.user) for lead in leads_with_chosen(study, blind))
    if leads:
        yield (
            f"A lead who rates needs a golden set that is drawn, and this one was chosen, so that a lead could work it "
            f"out: {leads}. Take the choice back and plan a draw, or let others rate."
        )


def _problems_of_images(study: Study) -> Iterable[str]:
    if not Image.objects.filter(usable_images(), study=study).exists():
        yield "The study has no images that could be graded. Import images first."
    waiting = clusters.not_searched(study)
    if waiting:
        yield (
            f"{waiting} images have not been searched for near-duplicates and persons, so these could come to lie on "
            "both sides. Find clusters first, or go on without on the clusters' page."
        )
    # By number alone: who reads this may be somebody who rates.
    parted = len(golden.straddling(study))
    if parted:
        yield (
            f"{parted} clusters are golden in part only, so raters would get the same face on both sides. Complete or "
            "free them on the golden set's page."
        )


def _silent(done: int, total: int, message: str) -> None:
    """For whoever need not be told how far it is."""


@transaction.atomic
def assign(
    study: Study, *, actor: Actor, memberships: Sequence[Membership] | None = None, report: Report = _silent
) -> list[Fold]:
    """Fix the golden set and who grades what, and begin labelling. Returns the folds, one per rater.

    `memberships` names the raters where not just everybody with an account takes part, such as simulated ones.
    `report` is told of each phase. Raises ValidationError with all that keeps the study from beginning.
    """
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    raters = list(raters_to_deal_to(study)) if memberships is None else sorted(memberships, key=lambda who: who.code)
    found = problems(locked, raters)
    if found:
        raise ValidationError(found)
    steps = len(raters) + 3
    report(0, steps, "Planning who grades what")
    drawn = golden.draw(locked, actor=actor, rng_seed=locked.seed)
    there = supply(locked)
    codes = [rater.code for rater in raters]
    shares = plan(
        there.clusters, there.golden, codes, locked.seed, overlap=locked.overlap, repeat_share=locked.repeat_share
    )
    folds = _write(locked, raters, shares, report, steps)
    audit.record(actor, "study.assigned", study, study_id=study.pk, after=_sizes(locked, codes, shares, there, drawn))
    set_state(study, StudyState.LABELLING, actor=actor)
    report(steps - 1, steps, "Publishing the commitment")
    commitments.commit(study, commitments.BEGAN, actor=actor)
    return folds


def _write(
    study: Study, raters: Sequence[Membership], shares: Sequence[Share], report: Report, steps: int
) -> list[Fold]:
    report(1, steps, "Writing the folds")
    folds = Fold.objects.bulk_create(
        Fold(study=study, number=number, membership=rater) for number, rater in enumerate(raters, start=1)
    )
    write_fold_items((fold.pk, image) for fold, share in zip(folds, shares, strict=True) for image in share.fold)
    renditions = dict(
        Rendition.objects.filter(image__study=study).values_list("image_id", "pk").iterator(chunk_size=_CHUNK)
    )
    for number, (rater, share) in enumerate(zip(raters, shares, strict=True)):
        report(number + 2, steps, f"Writing the queues: {number} of {len(raters)} raters")
        write(rater, share.order, renditions, after_key=0)
    return folds


def _sizes(
    study: Study, codes: Sequence[str], shares: Sequence[Share], there: Supply, drawn: int
) -> dict[str, int | float | dict[str, int]]:
    """What the audit trail keeps: numbers alone, which tell nobody what is golden."""
    return {
        "folds": {code: len(share.fold) for code, share in zip(codes, shares, strict=True)},
        "queues": {code: len(share.order) for code, share in zip(codes, shares, strict=True)},
        "golden": len(there.golden),
        "drawn": drawn,
        "clusters": len(there.clusters),
        "overlap": study.overlap,
        "repeat_share": study.repeat_share,
    }
