"""Which pictures are not shown to raters: judged by the study's thresholds, and by its lead, who has the last word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from labeler.gallery import undealt
from labeler.models import Image, Study, StudyState
from labeler.thresholds import Failure, Rule, Thresholds, judge
from mlcore.quality import Quality

__all__ = [
    "Failure",
    "Rule",
    "Screened",
    "Thresholds",
    "editable",
    "judge",
    "measured",
    "overrule",
    "preview",
    "screen",
    "set_thresholds",
]

_BATCH: Final = 2_000
_FIGURES: Final = frozenset(field.name for field in fields(Quality))
_CLOSED = "A closed study stays as it is."


@dataclass(frozen=True, slots=True)
class Screened:
    """What the rules say of a study's pictures.

    judged: pictures that the rules decide, so neither erased, decided by the lead, nor dealt. by_rule: how many of
    them fail each rule. rejects, takes_back: how many that changes.
    """

    judged: int
    by_rule: Mapping[str, int]
    rejects: int
    takes_back: int

    @property
    def rejected(self) -> int:
        return sum(self.by_rule.values())


@transaction.atomic
def screen(study: Study, *, actor: Actor) -> Screened:
    """Judge every picture anew from its stored figures.

    Leaves alone what the lead decided by hand and what was dealt to raters. One audit record, of the counts, where
    anything changes. Raises ValidationError for a closed study.
    """
    thresholds = Thresholds.from_stored(_lock(study).prescreen)
    tally = _Tally()
    for batch in _batches(study):
        changed = [image for image in batch if tally.apply(image, _verdict(thresholds, image))]
        Image.objects.bulk_update(changed, ["rejected_code", "rejected_reason"], batch_size=_BATCH)
    found = tally.screened()
    if tally.changed:
        audit.record(actor, "images.screened", study, study_id=study.pk, after=asdict(found))
    return found


def preview(study: Study, thresholds: Thresholds) -> Screened:
    """What `screen` would find with those thresholds; writes nothing."""
    tally = _Tally()
    for batch in _batches(study):
        for image in batch:
            tally.apply(image, _verdict(thresholds, image))
    return tally.screened()


@transaction.atomic
def set_thresholds(study: Study, thresholds: Thresholds, *, actor: Actor) -> Screened:
    """Change the study's thresholds and judge every picture by them. Raises ValidationError for a closed study."""
    locked = _lock(study)
    before, after = locked.prescreen, thresholds.to_store()
    if before != after:
        locked.prescreen = study.prescreen = after
        locked.save(update_fields=["prescreen"])
        record = {"prescreen": before}, {"prescreen": after}
        audit.record(actor, "study.prescreen_set", study, study_id=study.pk, before=record[0], after=record[1])
    return screen(study, actor=actor)


@transaction.atomic
def overrule(study: Study, images: Collection[int], keep: bool, reason: str, *, actor: Actor) -> int:
    """Keep rejected pictures nevertheless, or reject pictures by hand; returns how many that changed.

    Raises ValidationError without a reason, for a closed study, for pictures that are not in the study or erased, and
    for rejecting what was dealt to raters: that is theirs to answer.
    """
    _lock(study)
    reason = reason.strip()
    if not reason:
        raise ValidationError({"reason": "Say why, for whoever reads this later."})
    there = Image.objects.filter(study=study, pk__in=images, erased_at__isnull=True)
    if not images or there.count() != len(set(images)):
        raise ValidationError({"images": "Choose pictures of this study."})
    if not keep and there.exclude(undealt()).exists():
        raise ValidationError({"images": "A picture that was dealt to raters can’t be rejected any more."})
    changed = _keep(there) if keep else _reject(there, reason)
    if changed:
        after = {"keep": keep, "reason": reason, "images": changed}
        audit.record(actor, "images.overruled", study, study_id=study.pk, after=after)
    return len(changed)


def editable(study: Study) -> bool:
    """Whether a lead can still decide about the study's pictures."""
    return study.state != StudyState.CLOSED


def _lock(study: Study) -> Study:
    """Hold the study, so that nothing is dealt meanwhile."""
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if not editable(locked):
        raise ValidationError(_CLOSED)
    return locked


class _Tally:
    """Counts what a judging finds, and writes each verdict into its (unsaved) image."""

    def __init__(self) -> None:
        self.judged = self.rejects = self.takes_back = self.changed = 0
        self.by_rule: Counter[str] = Counter()

    def apply(self, image: Image, failure: Failure | None) -> bool:
        """True when the image is to be saved."""
        code, reason = (str(failure.code), failure.reason) if failure else ("", "")
        was = image.rejected_code, image.rejected_reason
        self.judged += 1
        self.by_rule.update([code] if code else [])
        self.rejects += bool(reason and not was[1])
        self.takes_back += bool(was[1] and not reason)
        image.rejected_code, image.rejected_reason = code, reason
        self.changed += was != (code, reason)
        return was != (code, reason)

    def screened(self) -> Screened:
        return Screened(self.judged, dict(self.by_rule), self.rejects, self.takes_back)


def _batches(study: Study) -> Iterator[list[Image]]:
    """The pictures that the rules decide, in order of id, a batch at a time."""
    by_lead = Q(rejection_overridden_at__isnull=False) | Q(rejected_code=Rule.LEAD)
    images = (
        Image.objects.filter(undealt(), study=study, erased_at__isnull=True)
        .exclude(by_lead)
        .select_related("examination")
        .only("quality", "rejected_code", "rejected_reason", "examination__faces", "examination__face_share")
        .order_by("pk")
    )
    last = 0
    while batch := list(images.filter(pk__gt=last)[:_BATCH]):
        yield batch
        last = batch[-1].pk


def _verdict(thresholds: Thresholds, image: Image) -> Failure | None:
    return judge(thresholds, *measured(image))


def measured(image: Image) -> tuple[Quality | None, int | None, float | None]:
    """What is known of a picture: its quality, how many faces, and the largest one's share of the height."""
    known = image.quality.keys() >= _FIGURES
    quality = Quality(**{figure: image.quality[figure] for figure in _FIGURES}) if known else None
    examination = getattr(image, "examination", None)
    return (quality, examination.faces, examination.face_share) if examination else (quality, None, None)


def _keep(images: QuerySet[Image]) -> list[int]:
    found = images.filter(rejection_overridden_at__isnull=True).exclude(rejected_reason="")
    changed = sorted(found.values_list("pk", flat=True))
    Image.objects.filter(pk__in=changed).update(rejection_overridden_at=timezone.now())
    return changed


def _reject(images: QuerySet[Image], reason: str) -> list[int]:
    found = images.filter(Q(rejected_reason="") | Q(rejection_overridden_at__isnull=False))
    changed = sorted(found.values_list("pk", flat=True))
    Image.objects.filter(pk__in=changed).update(
        rejected_code=Rule.LEAD, rejected_reason=reason[:200], rejection_overridden_at=None
    )
    return changed
