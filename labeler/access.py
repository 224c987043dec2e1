"""Who may see what of a study. To somebody who is not in it, a study does not exist (404)."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from accounts.audit import Actor
from accounts.models import User
from labeler.models import Membership, MembershipState, Role, Sight
from labeler.sight import RATES, StillRating, rates_blindly, record_sight


def member_of(user: object, study_id: int, role: Role) -> Membership | None:
    """The active membership of `user` in that role, with its study."""
    if not isinstance(user, User):
        return None
    return (
        Membership.objects.filter(user=user, study_id=study_id, role=role, state=MembershipState.ACTIVE)
        .select_related("study")
        .first()
    )


def require_lead(request: HttpRequest, study_id: int) -> Membership:
    """The lead's membership, or Http404. Views call it first, behind `login_required`."""
    membership = member_of(request.user, study_id, Role.LEAD)
    if membership is None:
        raise Http404("no such study")
    return membership


def require_lead_not_rating(request: HttpRequest, study_id: int) -> Membership:
    """As `require_lead`, for statistics and exports: PermissionDenied for a lead who rates, until the close."""
    membership = require_lead(request, study_id)
    if isinstance(request.user, User) and rates_blindly(membership.study, request.user):
        raise PermissionDenied(RATES)
    return membership


def require_lead_to_see_golden(request: HttpRequest, study_id: int, how: Sight = Sight.OPENED) -> Membership:
    """As `require_lead`, for what tells which images are golden: it is written down who sees it.

    Raises PermissionDenied for a lead who rates in the study, until it is closed.
    """
    membership = require_lead(request, study_id)
    try:
        record_sight(membership.study, how, Actor.of(request))
    except StillRating as error:
        raise PermissionDenied(error.message) from error
    return membership
