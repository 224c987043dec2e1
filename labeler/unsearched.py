"""Going on without a search for near-duplicates and persons: a lead's decision, which needs a reason."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from labeler.clusters import not_searched, recluster
from labeler.models import Study


@transaction.atomic
def go_on_without_search(study: Study, reason: str, *, actor: Actor) -> int:
    """Let the pictures that were not searched count as searched: each is joined by its table's person alone.

    Returns how many there were. Raises ValidationError without a reason, and where nothing waits for a search.
    """
    waiting = not_searched(study)
    if not waiting:
        raise ValidationError("Every picture was looked at already.")
    if not reason.strip():
        raise ValidationError("Say why, for whoever reads this later.")
    after = {"images": waiting, "reason": reason.strip()[:200]}
    audit.record(actor, "clusters.search_skipped", study, study_id=study.pk, after=after)
    recluster(study, actor=actor)
    return waiting
