"""The lead sees what would be dealt to whom, and deals."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.audit import Actor
from labeler.access import require_lead
from labeler.assignment import assign, raters_to_deal_to, supply
from labeler.models import Membership, StudyState


@dataclass(frozen=True, slots=True)
class Load:
    """What one rater would get; `at_most` is one more where the images don't divide evenly."""

    membership: Membership
    golden: int
    at_least: int
    at_most: int


@require_http_methods(["GET", "POST"])
@login_required
def study_assign(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    if request.method == "POST":
        try:
            folds = assign(study, actor=Actor.of(request))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("study_assign", study.pk)
        messages.success(request, f"The images are assigned to {_count(len(folds))}, and labelling has begun.")
        return redirect("study", study.pk)
    there = supply(study)
    raters = list(raters_to_deal_to(study).select_related("user"))
    least, rest = divmod(len(there.training), len(raters)) if raters else (0, 0)
    loads = [Load(rater, len(there.golden), least, least + bool(rest)) for rater in raters]
    context = {"study": study, "there": there, "loads": loads, "draft": study.state == StudyState.DRAFT}
    return render(request, "labeler/study_assign.html", context)


def _count(raters: int) -> str:
    return "one rater" if raters == 1 else f"{raters} raters"
