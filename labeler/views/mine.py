"""The page on which a rater looks through their own grades, and what it asks for while it is open."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Self

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from labeler import labelling, mine
from labeler.labelling import NotOpen
from labeler.mine import MyGrades, Order, Show
from labeler.models import Level, Membership
from labeler.views.rater_pages import closed_page, person, rater_json, rater_or_404, told_to_scripts

# How the query names the group of what can't be graded, beside the levels' values.
FLAGGED = "flagged"

_SHOWS = {show.value: show for show in Show}
_ORDERS = {order.value: order for order in Order}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; anything that it does not know means the usual."""

    show: Show
    order: Order
    only: float | None

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        show, order = request.GET.get("show", ""), request.GET.get("order", "")
        return cls(_SHOWS.get(show, Show.ALL), _ORDERS.get(order, Order.NEWEST), _value(show))


@dataclass(frozen=True, slots=True)
class Filter:
    """A link above the grid."""

    show: str
    name: str
    count: int
    is_current: bool


@require_safe
@login_required
def label_mine(request: HttpRequest, study_id: int) -> HttpResponse:
    membership = rater_or_404(request, study_id)
    asked = Asked.of(request)
    try:
        found = mine.my_grades(membership, asked.show, asked.order, only=asked.only)
    except NotOpen as error:
        return closed_page(request, membership, error.refusal)
    levels = labelling.scale(membership)
    context = {
        "study": membership.study,
        "levels": levels,
        "reasons": labelling.reasons(),
        "found": found,
        "order": asked.order,
        "shown": found.show if found.only is None else f"{found.only:g}",
        "filters": _filters(found, levels),
        "boot": {
            "window": person(request, membership),
            "mine": {"show": found.show, "order": asked.order, "url": reverse("label_mine_more", args=[study_id])},
            "groups": [asdict(group) for group in found.groups],
            **told_to_scripts(membership, levels),
        },
    }
    response = render(request, "labeler/label_mine.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@rater_json
def label_mine_more(request: HttpRequest, membership: Membership) -> JsonResponse:
    asked = Asked.of(request)
    group, after = request.GET.get("group", ""), request.GET.get("after", "")
    value = _value(group)
    if (value is None and group != FLAGGED) or not (after.isascii() and after.isdigit() and len(after) < 10):
        raise Http404("no such answers")
    items = mine.more(membership, asked.show, asked.order, value, int(after))
    return JsonResponse({"items": [asdict(item) for item in items], "rater": membership.code})


@require_safe
@rater_json
def label_mine_counts(request: HttpRequest, membership: Membership) -> JsonResponse:
    shown = mine.counts(membership).shown
    return JsonResponse({"unsure": shown[Show.UNSURE], "flagged": shown[Show.FLAGGED], "rater": membership.code})


def _filters(found: MyGrades, levels: list[Level]) -> list[Filter]:
    """Until the rater has finished, what is open alone."""
    shown = found.counts.shown
    ways = [(Show.ALL, _("All")), (Show.UNSURE, _("Unsure")), (Show.FLAGGED, _("Not gradable"))]
    if not found.finished:
        ways[0] = (Show.OPEN, _("Unsure or not gradable"))
    filters = [Filter(show, name, shown[show], found.show == show and found.only is None) for show, name in ways]
    if found.finished:
        of_levels = (
            Filter(f"{level.value:g}", level.name, found.counts.levels.get(level.value, 0), found.only == level.value)
            for level in levels
        )
        filters[1:1] = of_levels
    return filters


def _value(text: str) -> float | None:
    """A level's value as a query writes it."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
