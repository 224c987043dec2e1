"""The lead's page about scoring: which run answers, who has a key, how to ask. The API itself is in `scoring.api`."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import api_keys
from accounts.audit import Actor
from accounts.models import ApiKey
from grading.runs import current_promotion
from labeler.access import require_lead
from labeler.models import Study
from scoring.forms import KeyForm


@login_required
@require_http_methods(["GET", "POST"])
def scoring_keys(request: HttpRequest, study_id: int) -> HttpResponse:
    """The page; a POST makes a key and shows it this once, which is why it doesn't redirect."""
    study = require_lead(request, study_id).study
    form = KeyForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        return _page(request, study, form)
    try:
        key, raw = api_keys.create_key(form.cleaned_data["name"], study.pk, Actor.of(request))
    except ValidationError as error:
        form.add_error("name", error)
        return _page(request, study, form)
    return _page(request, study, KeyForm(), made=key, raw=raw)


@login_required
@require_POST
def revoke_key(request: HttpRequest, study_id: int, key_id: int) -> HttpResponse:
    require_lead(request, study_id)
    key = get_object_or_404(ApiKey, pk=key_id, study_id=study_id)
    if api_keys.revoke(key, Actor.of(request)):
        messages.success(request, f"The key “{key.name}” is revoked: it opens nothing any more.")
    return redirect("scoring_keys", study_id)


def _page(
    request: HttpRequest, study: Study, form: KeyForm, *, made: ApiKey | None = None, raw: str = ""
) -> HttpResponse:
    in_force_first = F("revoked_at").desc(nulls_first=True)
    keys = ApiKey.objects.filter(study_id=study.pk).select_related("created_by").order_by(in_force_first, "-pk")
    shown = {
        "study": study,
        "form": form,
        "made": made,
        "raw": raw,
        "keys": keys,
        "promotion": current_promotion(study.pk),
        "address": f"{settings.SCORING_URL}/api/v1/score",
        "documentation": f"{settings.SCORING_URL}/api/v1/docs",
    }
    return render(request, "scoring/keys.html", shown)
