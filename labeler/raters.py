"""Raters come into a study by their email."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.audit import Actor
from accounts.models import User
from accounts.users import invite
from labeler.models import Membership, Role, Study, StudyState
from labeler.studies import add_member


@dataclass(frozen=True, slots=True)
class AddedRater:
    """A new rater; `link` is the one-time address for choosing a password, where the account is new."""

    membership: Membership
    link: str = ""


@transaction.atomic
def add_rater(study: Study, email: str, *, actor: Actor, name: str = "") -> AddedRater:
    """Add a rater to a study that is being set up, with a new account where the email has none.

    Raises ValidationError naming the field: an email that is none, a rater already, a lead (who knows the golden set),
    a closed account, a study that has begun.
    """
    state = Study.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=study.pk)
    if state != StudyState.DRAFT:
        raise ValidationError("Raters are added while a study is being set up: afterwards there is no fold for them.")
    user = User.objects.filter(email__iexact=email.strip()).first()
    if user is None:
        user, link = invite(email, name, actor)
        return AddedRater(add_member(study, Role.RATER, user=user, actor=actor), link)
    if not user.is_active:
        raise ValidationError({"email": f"The account of {user.email} is closed."})
    if Membership.objects.filter(study=study, user=user, role=Role.LEAD).exists():
        raise ValidationError({"email": f"{user.email} leads this study and knows its golden set, so can't rate it."})
    return AddedRater(add_member(study, Role.RATER, user=user, actor=actor))
