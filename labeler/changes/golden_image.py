"""A golden image turns out to be unfit: nobody is shown it any more who has not been yet."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from labeler.changes.panel import chance, lock, revoke, seats
from labeler.changes.queues import requeue
from labeler.commitments import GOLDEN_WITHDRAWN, commit
from labeler.models import GoldenItem, Image

WITHDRAWN = "the image was taken out"


@transaction.atomic
def withdraw_golden(image: Image, reason: str, *, actor: Actor) -> int:
    """Take an image out of the golden set, for a reason. Grades given stay; no figure uses them any more.

    Returns from how many queues it went. Raises NotRunning, and ValidationError without a reason or for
    an image that is not golden, or no longer.
    """
    study = lock(image.study)
    item = GoldenItem.objects.filter(study=study, image=image, withdrawn_at__isnull=True).first()
    if item is None:
        raise ValidationError("The image is not in the golden set, or no longer.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why: it stays in the study’s record."})
    item.withdrawn_at, item.reason = timezone.now(), reason.strip()
    item.save(update_fields=["withdrawn_at", "reason"])
    rng, queues = chance(study, "golden image withdrawn"), 0
    for seat in seats(study):
        if revoke(seat.membership, WITHDRAWN, [image.pk]):
            queues += 1
            if study.repeat_share:  # one fewer lies between two showings now
                requeue(seat.membership, (), study.repeat_share, rng)
    after = {"image": image.pk, "reason": item.reason, "queues": queues}
    audit.record(actor, "golden.withdrawn", item, study_id=study.pk, after=after)
    commit(study, GOLDEN_WITHDRAWN, actor=actor)
    return queues
