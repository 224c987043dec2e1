"""Raters come into a study by their email: before it begins, late, or although they know its golden set."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from accounts.users import invite, set_password_url
from labeler.changes import RUNNING, LateRaterPlan, add_late_rater
from labeler.models import GoldenSight, Membership, MembershipState, Role, Sight, Study, StudyState
from labeler.sight import leads_with_chosen
from labeler.studies import add_member

LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class AddedRater:
    """A new rater.

    `link` is the one-time address for choosing a password, where the account is new; `plan` what they took over, where
    the study was running.
    """

    membership: Membership
    link: str = ""
    plan: LateRaterPlan | None = None


class KnowsGolden(ValidationError):
    """Somebody has seen the golden set, so can't rate the study unless they are admitted."""

    def __init__(self, user: User, how: str) -> None:
        super().__init__(
            {
                "email": f"{user.email} {how}, so can’t rate this study blindly. Somebody else must, or a lead admits "
                "them for a reason that every report prints."
            }
        )


@transaction.atomic
def add_rater(study: Study, email: str, *, actor: Actor, name: str = "") -> AddedRater:
    """Add a rater, with a new account where the email has none; in a running study they take their part of the images.

    A lead may rate who has not seen the golden set. Raises ValidationError naming the field: an email that is none, a
    rater already, somebody who knows the golden set (KnowsGolden), a closed account, a closed study; and as
    `changes.add_late_rater` does.
    """
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    user = candidate(study, email)
    if user is None:
        user, link = invite(email, name, actor)
        return _seated(study, user, actor, link=link)
    sight = GoldenSight.objects.filter(study=study, user=user).order_by("at").first()
    if sight is not None:
        raise KnowsGolden(user, Sight(sight.how).label)
    running = Study.objects.filter(pk=study.pk, state__in=RUNNING).exists()
    if running and leads_with_chosen(study, [user.pk]):
        raise KnowsGolden(user, "leads the study, whose golden set was chosen and not drawn")
    return _seated(study, user, actor)


def candidate(study: Study, email: str) -> User | None:
    """The account of that email, or None where it has none. Raises ValidationError for who can be no new rater."""
    study.refresh_from_db(fields=["state"])
    if study.state == StudyState.CLOSED:
        raise ValidationError("The study is closed: it takes no more raters.")
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        return None
    if not user.is_active:
        raise ValidationError({"email": f"The account of {user.email} is closed."})
    seat = Membership.objects.filter(study=study, user=user, role=Role.RATER).first()
    if seat is not None and seat.state == MembershipState.WITHDRAWN:
        raise ValidationError({"email": f"{user.email} dropped out of this study, which can’t be taken back."})
    if seat is not None:
        raise ValidationError({"email": f"{user.email} is a rater of this study already."})
    return user


def _seated(study: Study, user: User, actor: Actor, *, link: str = "", admitted_reason: str = "") -> AddedRater:
    membership = add_member(study, Role.RATER, user=user, actor=actor, admitted_reason=admitted_reason)
    running = Study.objects.filter(pk=study.pk, state__in=RUNNING).exists()
    plan = add_late_rater(study, membership, actor=actor) if running else None
    return AddedRater(membership, link, plan)


@transaction.atomic
def admit_rater(study: Study, email: str, reason: str, *, actor: Actor) -> AddedRater:
    """Let somebody rate although they have seen the golden set. Every report says so, with the reason.

    Another lead or an administrator does it. Raises ValidationError for oneself, without a reason, for somebody who has
    not seen it (they are simply added), and as `add_rater` does.
    """
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    user = candidate(study, email)
    if user is None:
        raise ValidationError({"email": "There is no account with that email, so nobody who has seen the golden set."})
    _check_admission(study, user, reason, actor)
    added = _seated(study, user, actor, admitted_reason=reason.strip())
    after = {"code": added.membership.code, "user": user.pk, "reason": reason.strip()}
    audit.record(actor, "rater.admitted", added.membership, study_id=study.pk, after=after)
    return added


def _check_admission(study: Study, user: User, reason: str, actor: Actor) -> None:
    if actor.user is not None:
        if actor.user.pk == user.pk:
            raise ValidationError("Nobody admits themselves: another lead or an administrator must.")
        leads = Membership.objects.filter(study=study, role=Role.LEAD, state=MembershipState.ACTIVE)
        if not actor.user.is_admin and not leads.filter(user=actor.user).exists():
            raise ValidationError("A lead of the study or an administrator admits raters.")
    if not reason.strip():
        raise ValidationError({"reason": "Say why: it is printed in every report."})
    if len(reason.strip()) > LONGEST_REASON:
        raise ValidationError({"reason": f"At most {LONGEST_REASON} characters."})
    if not GoldenSight.objects.filter(study=study, user=user).exists() and not leads_with_chosen(study, [user.pk]):
        raise ValidationError({"email": f"{user.email} has not seen the golden set, and is simply added."})


def admitted(study: Study) -> QuerySet[Membership]:
    """The raters who rate although they have seen the golden set, for every report."""
    rows = Membership.objects.filter(study=study, role=Role.RATER).exclude(admitted_reason="")
    return rows.select_related("admitted_by").order_by("code")


@transaction.atomic
def renew_link(membership: Membership, *, actor: Actor) -> str:
    """A new one-time address at which a rater who never signed in chooses their password.

    Raises ValidationError for anybody else: whoever has the address has the account, so it is given only where the
    account is new and of no use but in this study.
    """
    user = membership.user
    if user is None or not user.is_active or not can_renew_link(membership):
        raise ValidationError("A new link is for raters who never signed in and are in no other study.")
    url = set_password_url(user)
    audit.record(actor, "rater.link_renewed", membership, study_id=membership.study_id)
    return url


def can_renew_link(membership: Membership) -> bool:
    user = membership.user
    if user is None or user.last_login is not None or user.is_admin or user.has_usable_password():
        return False
    if user.entra_object_id is not None or membership.state != MembershipState.ACTIVE:
        return False
    return not Membership.objects.filter(user=user).exclude(study=membership.study_id).exists()
