"""The lead's look at the study's pictures. Nothing here tells which of them are golden, nor who grades them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from accounts.models import User
from labeler import file_store
from labeler.access import require_lead
from labeler.gallery import FILTERS, PAGE, named, pictures
from labeler.models import Image
from labeler.picture import picture
from labeler.prescreening import editable
from labeler.sight import rates_blindly
from labeler.thumbnails import thumbnail

_MATES: Final = 24


@require_safe
@login_required
def study_images(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    which = request.GET.get("show", "")
    search = request.GET.get("q", "").replace("\x00", "").strip()[:255]
    page = Paginator(pictures(study, which, search), PAGE).get_page(request.GET.get("page"))
    context = {
        "study": study,
        "editable": editable(study),
        "page": page,
        "filters": FILTERS,
        "which": which,
        "search": search,
    }
    return render(request, "labeler/study_images.html", context)


@require_safe
@login_required
def image(request: HttpRequest, study_id: int, image_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    shown = picture(study, image_id)
    if shown is None:
        raise Http404("no such image")
    # Columns of the table may be grades made elsewhere.
    blind = isinstance(request.user, User) and rates_blindly(study, request.user)
    mates = named(study, shown.mates[:_MATES]).values()
    context = {"study": study, "editable": editable(study), "picture": shown, "mates": mates, "blind": blind}
    return render(request, "labeler/image.html", context)


@require_safe
@login_required
def image_thumbnail(request: HttpRequest, study_id: int, image_id: int) -> HttpResponse:
    return _jpeg(request, study_id, image_id, "small", thumbnail)


@require_safe
@login_required
def image_full(request: HttpRequest, study_id: int, image_id: int) -> HttpResponse:
    """The picture as raters see it."""
    return _jpeg(request, study_id, image_id, "full", lambda image: file_store.read(image.rendition.path))


def _jpeg(
    request: HttpRequest, study_id: int, image_id: int, size: str, read: Callable[[Image], bytes]
) -> HttpResponse:
    require_lead(request, study_id)
    there = Image.objects.filter(study_id=study_id, erased_at__isnull=True).exclude(rendition__path="")
    image = get_object_or_404(there.select_related("rendition"), pk=image_id)
    etag = f'"{size}-{image.sha256}"'
    response: HttpResponse
    if request.headers.get("If-None-Match") == etag:
        response = HttpResponseNotModified()
    else:
        try:
            response = HttpResponse(read(image), content_type="image/jpeg")
        except FileNotFoundError as error:
            raise Http404("no such picture") from error
    response["ETag"] = etag
    # Asked again each time, so that a picture erased meanwhile is not shown from a browser's store.
    response["Cache-Control"] = "private, no-cache"
    return response
