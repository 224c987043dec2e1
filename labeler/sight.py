"""Who has seen which images are golden. They can't rate that study, and its raters can't see it before the close.

The database keeps the rule (migration 0004); this is where pages and commands ask and tell.
"""

from __future__ import annotations

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEvent, User
from labeler.models import GoldenItem, GoldenSight, Membership, MembershipState, Role, Sight, Study, StudyState

RATES = (
    "You rate in this study, so its golden set stays closed to you, with everything that tells it, until the study is "
    "closed."
)

# What golden images leave in the audit trail that somebody chose, by hand, by a table, or as they came.
_CHOSEN = ("golden.chosen", "golden.added")


class StillRating(ValidationError):
    """The person is an active rater of the study, so can't see its golden set."""

    def __init__(self) -> None:
        super().__init__(RATES)


def has_seen(study: Study, user: User) -> bool:
    """Whether somebody came to know the study's golden set before its close."""
    return GoldenSight.objects.filter(study=study, user=user).exists()


def rates_blindly(study: Study, user: User) -> bool:
    """Whether the golden set must be kept from somebody now: an active rater's, until the close."""
    if study.state == StudyState.CLOSED:
        return False
    seats = Membership.objects.filter(study=study, user=user, role=Role.RATER, state=MembershipState.ACTIVE)
    return seats.filter(admitted_reason="").exists()


def leads_with_chosen(study: Study, users: Collection[int]) -> list[Membership]:
    """Those of these users who lead a study, or did, for which golden images were chosen.

    While such a study is set up, its pages show a lead counts (of golden images, of what a draw has left, of clusters
    in part golden) that change with what the lead rejects, merges or groups: so they can tell image by image. A draw
    comes at the end, when nothing of that can be changed any more.
    """
    leads = Membership.objects.filter(study=study, role=Role.LEAD, user__in=users).select_related("user")
    found = list(leads.order_by("code"))
    if not found or not GoldenItem.objects.filter(study=study).exists():
        return []
    return found if AuditEvent.objects.filter(study_id=study.pk, verb__in=_CHOSEN).exists() else []


@transaction.atomic
def record_sight(study: Study, how: Sight, actor: Actor) -> None:
    """Write down that the actor gets to know golden images; call it before they are shown.

    Does nothing for the system, for a closed study, and for what is known already. Raises StillRating.
    """
    if actor.user is None or study.state == StudyState.CLOSED:
        return
    if GoldenSight.objects.filter(study=study, user=actor.user, how=how).exists():
        return
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)  # a seat given meanwhile would be found by nobody
    if rates_blindly(study, actor.user):
        raise StillRating
    sight, made = GoldenSight.objects.get_or_create(study=study, user=actor.user, how=how)
    if made:
        audit.record(actor, "golden.seen", sight, study_id=study.pk, after={"how": how})
