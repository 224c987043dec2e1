"""What the pages of a rater have in common: who may open them, and what their scripts are told.

Every field and header here is on the allow-list in `labeler/tests/test_blinding.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import signed_in
from accounts.models import User
from labeler import labelling, rater_rows
from labeler.labelling import NotOpen, Refusal
from labeler.models import Flag, Level, Membership
from labeler.page_words import page_words

JsonView = Callable[[HttpRequest, Membership], JsonResponse]


def rater_or_404(request: HttpRequest, study_id: int) -> Membership:
    membership = labelling.rater(request.user, study_id) if isinstance(request.user, User) else None
    if membership is None:
        raise Http404("no such study")
    return membership


def rater_json(view: JsonView) -> Callable[..., JsonResponse]:
    """Guards what an open page asks for: it gets a status and a reason, never a redirect to another page."""

    @wraps(view)
    def guarded(request: HttpRequest, study_id: int) -> JsonResponse:
        membership = _quick_rater(request, study_id)
        if membership is None and not request.user.is_authenticated:
            response = refused(Refusal("signed_out", _("You are signed out.")), HTTPStatus.UNAUTHORIZED)
        else:
            try:
                response = view(request, membership or rater_or_404(request, study_id))
            except NotOpen as error:
                response = refused(error.refusal, HTTPStatus.CONFLICT)
        response["Cache-Control"] = "no-store"
        return response

    return guarded


def _quick_rater(request: HttpRequest, study_id: int) -> Membership | None:
    """The rater whose good session this is, by one query; None leaves it to `request.user` to say what is amiss."""
    user_id = signed_in.claimed(request)
    found = rater_rows.rater_of(user_id, study_id) if user_id is not None else None
    if found is None or not signed_in.holds(request, found[1]):
        return None
    return found[0]


def picture_path(request: HttpRequest, study_id: int, token: str) -> str:
    """Where the picture lies that was released to the signed-in rater under this token; by one query.

    Raises Http404.
    """
    user_id = signed_in.claimed(request)
    found = rater_rows.picture_of(user_id, study_id, token) if user_id is not None else None
    # Where the session does not hold at once, Django may still know better: a secret that was changed.
    if found is None or not (signed_in.holds(request, found[1]) or request.user.pk == user_id):
        raise Http404("no such image")
    return found[0]


def refused(refusal: Refusal, status: HTTPStatus) -> JsonResponse:
    return JsonResponse({"refusal": asdict(refusal)}, status=status)


def closed_page(request: HttpRequest, membership: Membership, refusal: Refusal) -> HttpResponse:
    """Instead of a page of grades, why there is none."""
    context = {"study": membership.study, "refusal": refusal}
    return render(request, "labeler/label_closed.html", context, status=HTTPStatus.CONFLICT)


def person(request: HttpRequest, membership: Membership) -> dict[str, str]:
    """Who the page delivers as, by the rater's code, for somebody else may have signed in since; and the token that
    this takes, which signing in again, in another tab, replaces."""
    return {"csrf": get_token(request), "rater": membership.code}


def told_to_scripts(membership: Membership, levels: list[Level]) -> dict[str, object]:
    """What every script of a rater's page finds in the page."""
    return {
        "levels": [_told(level) for level in levels],
        "words": page_words(),
        "reasons": {**dict(labelling.reasons()), Flag.MISSING.value: str(Flag.MISSING.label)},
        # Whose answers and preferences a machine keeps.
        "owner": f"{membership.study_id}-{membership.code}",
        "urls": _urls(membership.study_id),
    }


def _told(level: Level) -> dict[str, object]:
    example = reverse("level_example", args=[level.study_id, level.pk]) if level.example else ""
    return {"value": level.value, "name": level.name, "key": level.key, "example": example}


def _urls(study_id: int) -> dict[str, str]:
    return {
        "image": reverse("label_image", args=[study_id, "TOKEN"]),
        "window": reverse("label_window", args=[study_id]),
        "previous": reverse("label_previous", args=[study_id]),
        "answers": reverse("label_answers", args=[study_id]),
        "page": reverse("label", args=[study_id]),
        "sign_in": reverse("account_login"),
    }
