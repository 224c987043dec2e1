"""Who may see what of a study. To somebody who is not in it, a study does not exist (404)."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from accounts.models import User
from labeler.models import Membership, MembershipState, Role


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
