"""The first page: the studies that somebody is in."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeler.models import Membership, MembershipState, Role, StudyState
from labeler.progress import Progress, progress_of


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place in one study; progress is a rater's own."""

    membership: Membership
    progress: Progress
    # Whether the page's main button is here.
    is_next: bool = False

    @property
    def is_lead(self) -> bool:
        return self.membership.role == Role.LEAD

    @property
    def has_work(self) -> bool:
        return not self.is_lead and self.membership.study.state == StudyState.LABELLING and self.progress.left > 0


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
    # What can be graded now comes first; the page's one main button is in the first of these.
    places.sort(key=lambda place: not place.has_work)
    places = [replace(place, is_next=place.has_work and number == 0) for number, place in enumerate(places)]
    return render(request, "labeler/home.html", {"places": places})
