"""A lead's study: making it, and seeing where it stands."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import Actor
from accounts.models import User
from jobs.models import ACTIVE, Job
from labeler.access import OPEN_WORK, hides_sizes, is_blind, require_lead
from labeler.forms.studies import LevelRows, StudyForm, chosen_levels
from labeler.models import StudyState
from labeler.overview import overview, steps
from labeler.studies import create_study
from labeler.views.running import TURNS

# Steps whose words say how much is golden, or how much everybody has.
_TELLS_SIZES = {"study_golden", "study_members"}


@require_http_methods(["GET", "POST"])
@login_required
def study_new(request: HttpRequest) -> HttpResponse:
    if not isinstance(request.user, User) or not request.user.is_admin:
        raise PermissionDenied("Only administrators make studies.")
    form, rows = StudyForm(request.POST or None), LevelRows(request.POST or None, prefix="levels")
    if request.method == "POST" and form.is_valid() and rows.is_valid():
        try:
            study = create_study(
                form.cleaned_data["name"],
                actor=Actor.of(request),
                lead=request.user,
                levels=chosen_levels(form, rows),
                welcome=form.cleaned_data["welcome"],
            )
        except ValidationError as error:
            for field, texts in error.message_dict.items():
                form.add_error(field if field in form.fields else None, texts)
        else:
            return redirect("study", study.pk)
    return render(request, "labeler/study_new.html", {"form": form, "rows": rows})


@require_safe
@login_required
def study(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    there = overview(study)
    hidden = hides_sizes(request, study)
    work = Job.objects.filter(study_id=study.pk)
    if is_blind(request, study):
        work = work.filter(kind__in=OPEN_WORK)
    running = work.filter(state__in=ACTIVE).order_by("pk")
    recent = work.exclude(state__in=ACTIVE).order_by("-pk")[:5]
    return render(
        request,
        "labeler/study.html",
        {
            "study": study,
            "there": there,
            "steps": [step for step in steps(there) if not hidden or step.url_name not in _TELLS_SIZES],
            "sizes_hidden": hidden,
            "levels": study.levels.all(),
            "running": running,
            "recent": recent,
            "move": TURNS.get(StudyState(study.state)),
        },
    )
