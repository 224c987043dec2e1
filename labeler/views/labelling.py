"""The rater's page, and what it asks for while it is open.

Every field, header and cookie here is on the allow-list in `labeler/tests/test_blinding.py`.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from http import HTTPStatus
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from labeler import answering, file_store, labelling, looking_back
from labeler.answer_messages import BadMessage, read_delivery
from labeler.labelling import NotOpen, Refusal, Window
from labeler.models import Membership
from labeler.practice import awaits_welcome
from labeler.views.rater_pages import (
    closed_page,
    person,
    picture_path,
    rater_json,
    rater_or_404,
    refused,
    told_to_scripts,
)

logger = logging.getLogger(__name__)

# Items that the page is given at once; it asks again after every five. The seven that are left then last for a second
# of keys 150 ms apart: long enough for the next ones to be asked for and loaded from a server 200 ms away.
WINDOW = 12

OTHER_PERSON = Refusal("other_person", _("Somebody else is signed in now. Sign in as yourself again."))


@require_safe
@login_required
def label(request: HttpRequest, study_id: int) -> HttpResponse:
    membership = rater_or_404(request, study_id)
    if awaits_welcome(membership) and labelling.why_not_open(membership) is None:
        return redirect("label_welcome", study_id)
    try:
        window = labelling.window(membership, WINDOW)
    except NotOpen as error:
        return closed_page(request, membership, error.refusal)
    levels = labelling.scale(membership)
    context = {
        "study": membership.study,
        "levels": levels,
        "reasons": labelling.reasons(),
        "first_token": window.tokens[0] if window.tokens else None,
        "boot": {
            "window": _window_message(request, membership, window),
            "size": WINDOW,
            **told_to_scripts(membership, levels),
        },
    }
    response = render(request, "labeler/label.html", context)
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@rater_json
def window(request: HttpRequest, membership: Membership) -> JsonResponse:
    found = labelling.window(membership, _size(request))
    return JsonResponse(_window_message(request, membership, found))


@require_safe
@rater_json
def previous(request: HttpRequest, membership: Membership) -> JsonResponse:
    before = request.GET.get("before") or None
    if before is not None and "\x00" in before:
        raise Http404("no such image")
    items = looking_back.previous(membership, before=before, size=_size(request))
    return JsonResponse({"items": [asdict(item) for item in items], "rater": membership.code})


@require_POST
@rater_json
def answers(request: HttpRequest, membership: Membership) -> JsonResponse:
    try:
        delivery = read_delivery(request.body)
    except BadMessage as error:
        unreadable = _("The page sent something unreadable: {problem}.").format(problem=error)
        return refused(Refusal("invalid", unreadable), HTTPStatus.BAD_REQUEST)
    if delivery.rater != membership.code:
        return refused(OTHER_PERSON, HTTPStatus.CONFLICT)
    outcomes = answering.answer_all(membership, delivery.answers, sent_at=delivery.sent_at)
    return JsonResponse({"outcomes": [asdict(outcome) for outcome in outcomes]})


@require_safe
def image(request: HttpRequest, study_id: int, token: str) -> HttpResponse:
    """A picture by its token. It never changes, and only its rater may have it."""
    path = picture_path(request, study_id, token)
    etag = f'"{token}"'
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(content_type="image/jpeg")
        try:
            _fill(response, path, token)
        except FileNotFoundError:
            logger.error("the picture %s is lost: restore it from a backup", path)
            return HttpResponse(status=HTTPStatus.GONE)
        # One name for all: the file's own must not reach the browser.
        response["Content-Disposition"] = 'inline; filename="image.jpg"'
    response["ETag"] = etag
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


def _fill(response: HttpResponse, path: str, token: str) -> None:
    """Raises FileNotFoundError."""
    if settings.IMAGES_BY_NGINX:
        file_store.path_of(path).stat()
        response["X-Accel-Redirect"] = f"{settings.IMAGES_BY_NGINX}/{quote(path)}"
    else:
        response.content = labelling.picture(path, token)


def _size(request: HttpRequest) -> int:
    size = request.GET.get("size", "")
    return int(size) if size.isascii() and size.isdigit() and len(size) < 4 else WINDOW


def _window_message(request: HttpRequest, membership: Membership, found: Window) -> dict[str, object]:
    return {**asdict(found), **person(request, membership)}
