"""The first page: the studies that somebody is in."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeler.models import Membership, MembershipState, Role
from labeler.progress import Progress, progress_of


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place in one study; progress is a rater's own."""

    membership: Membership
    progress: Progress

    @property
    def is_lead(self) -> bool:
        return self.membership.role == Role.LEAD


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    mine = list(
        Membership.objects.filter(user=request.user.pk, state=MembershipState.ACTIVE)
        .select_related("study")
        .order_by("study__name", "role")
    )
    progress = progress_of(member.pk for member in mine if member.role == Role.RATER)
    places = [Place(member, progress.get(member.pk, Progress())) for member in mine]
    return render(request, "labeler/home.html", {"places": places})
