"""What is rejected and why, the thresholds, and the lead's word over them."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import Actor
from labeler.access import require_lead
from labeler.forms.images import OverruleForm, ThresholdsForm
from labeler.gallery import KEPT, PAGE, in_group, rejected_groups
from labeler.models import Study
from labeler.prescreening import Screened, editable, overrule, preview, set_thresholds
from labeler.thresholds import TITLES, Thresholds


@require_safe
@login_required
def images_rejected(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    return _page(request, study, ThresholdsForm.of(Thresholds.from_stored(study.prescreen)))


@require_POST
@login_required
def images_thresholds(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    form = ThresholdsForm(request.POST)
    if not form.is_valid():
        return _page(request, study, form)
    if "preview" in request.POST:
        return _page(request, study, form, preview(study, form.thresholds()))
    try:
        found = set_thresholds(study, form.thresholds(), actor=Actor.of(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(
            request, f"Judged anew: {found.rejected} of {found.judged} pictures are rejected by the rules."
        )
    return redirect("images_rejected", study.pk)


def _page(request: HttpRequest, study: Study, form: ThresholdsForm, found: Screened | None = None) -> HttpResponse:
    rule = request.GET.get("rule", "")
    groups = rejected_groups(study)
    group = next((group for group in groups if group.code == rule), None)
    shown = [group] if group else groups
    page = Paginator(in_group(study, rule), PAGE).get_page(request.GET.get("page")) if group else None
    by_rule = [(TITLES[code], found.by_rule[code]) for code in TITLES if found.by_rule.get(code)] if found else []
    context = {
        "study": study,
        "editable": editable(study),
        "form": form,
        "groups": groups,
        "group": group,
        "page": page,
        "found": found,
        "by_rule": by_rule,
        "can_keep": any(one.code != KEPT for one in shown),
        "can_reject": any(one.code == KEPT for one in shown),
        # The thresholds' form shows this page at its own address, which takes no visitors.
        "back": request.get_full_path() if request.method == "GET" else reverse("images_rejected", args=[study.pk]),
    }
    return render(request, "labeler/images_rejected.html", context)


@require_POST
@login_required
def images_overrule(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    form = OverruleForm(request.POST)
    if form.is_valid():
        asked = form.cleaned_data
        keep = asked["verdict"] == "keep"
        try:
            changed = overrule(study, asked["images"], keep, asked["reason"], actor=Actor.of(request))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            word = "kept" if keep else "rejected"
            told = f"{changed} picture{'' if changed == 1 else 's'} {word}." if changed else f"They are {word} already."
            messages.success(request, told)
    else:
        messages.error(request, "Choose at least one picture, and say why.")
    back = request.POST.get("back", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("study_images", study.pk)
