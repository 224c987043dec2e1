"""Training runs: the lead starts, watches, cancels and promotes them."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.audit import Actor
from accounts.models import User
from grading.forms import PromoteForm, StartForm
from grading.models import TrainingRun
from grading.run_list import run_rows
from grading.run_report import report
from grading.runs import cancel_run, current_promotion, latest_evaluation, promote, start_run
from labeler.access import require_lead_not_rating, require_lead_to_see_golden
from labeler.models import Study, StudyState
from labeler.sight import has_seen


@login_required
@require_GET
def runs(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead_not_rating(request, study_id).study
    shown = {"study": study, "tab": "runs", "rows": run_rows(study), "form": StartForm(study)}
    return render(request, "grading/runs.html", shown)


@login_required
@require_POST
def run_start(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead_not_rating(request, study_id).study
    form = StartForm(study, request.POST)
    if form.is_valid():
        try:
            run = start_run(study, Actor.of(request), form.config())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return redirect("run", study_id, run.number)
    shown = {"study": study, "tab": "runs", "rows": run_rows(study), "form": form}
    return render(request, "grading/runs.html", shown, status=422)


@login_required
@require_GET
def run(request: HttpRequest, study_id: int, number: int) -> HttpResponse:
    require_lead_not_rating(request, study_id)
    return _page(request, _find(study_id, number), PromoteForm())


@login_required
@require_POST
def run_promote(request: HttpRequest, study_id: int, number: int) -> HttpResponse:
    require_lead_not_rating(request, study_id)
    found, form = _find(study_id, number), PromoteForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    try:
        promote(found, Actor.of(request), form.cleaned_data["reason"])
    except ValidationError as error:
        form.add_error("reason", error)
        return _page(request, found, form, status=422)
    messages.success(request, f"Run {number} scores this study's selfies from now on.")
    return redirect("run", study_id, number)


@login_required
@require_POST
def run_cancel(request: HttpRequest, study_id: int, number: int) -> HttpResponse:
    require_lead_not_rating(request, study_id)
    if cancel_run(_find(study_id, number), Actor.of(request)):
        messages.success(request, f"Run {number} is cancelled.")
    else:
        messages.info(request, f"Run {number} had ended already.")
    return redirect("run", study_id, number)


def _find(study_id: int, number: int) -> TrainingRun:
    rows = TrainingRun.objects.select_related("study", "job", "dataset")
    return get_object_or_404(rows, study=study_id, number=number)


def _page(request: HttpRequest, found: TrainingRun, form: PromoteForm, status: int = 200) -> HttpResponse:
    promotion = current_promotion(found.study_id)
    told = report(found, latest_evaluation(found))
    shown = {
        "study": found.study,
        "tab": "runs",
        "run": found,
        "job": found.job,
        "report": told,
        "names_shown": bool(told.refusals) and _names_shown(request, found.study),
        "promotion": promotion if promotion and promotion.run_id == found.pk else None,
        "form": form,
    }
    return render(request, "grading/run.html", shown, status=status)


def _names_shown(request: HttpRequest, study: Study) -> bool:
    """Whether the page names golden images: to a lead who knows them anyway, or who asks to, which is written down."""
    knows = study.state == StudyState.CLOSED or (isinstance(request.user, User) and has_seen(study, request.user))
    if not knows and "names" not in request.GET:
        return False
    require_lead_to_see_golden(request, study.pk)
    return True
