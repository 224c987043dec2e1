"""A lead's study: making it, seeing where it stands, its raters, starting and pausing it."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from accounts.models import User
from jobs.models import ACTIVE, Job
from labeler.access import require_lead
from labeler.forms.raters import RaterForm
from labeler.forms.studies import LevelRows, StudyForm, chosen_levels
from labeler.models import Membership, Role, StudyState
from labeler.overview import overview, steps
from labeler.progress import Progress, progress_of
from labeler.raters import add_rater
from labeler.studies import create_study, set_state

# What the buttons may ask for: labelling begins by assigning, never by a button.
_MOVES = {StudyState.LABELLING: StudyState.PAUSED, StudyState.PAUSED: StudyState.LABELLING}


@dataclass(frozen=True, slots=True)
class Seat:
    membership: Membership
    progress: Progress


@require_http_methods(["GET", "POST"])
@login_required
def study_new(request: HttpRequest) -> HttpResponse:
    if not isinstance(request.user, User) or not request.user.is_admin:
        raise PermissionDenied("Only administrators make studies.")
    form, rows = StudyForm(request.POST or None), LevelRows(request.POST or None, prefix="levels")
    if request.method == "POST" and form.is_valid() and rows.is_valid():
        try:
            levels = chosen_levels(form, rows)
            study = create_study(form.cleaned_data["name"], actor=Actor.of(request), lead=request.user, levels=levels)
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
    running = Job.objects.filter(study_id=study.pk, state__in=ACTIVE).order_by("pk")
    recent = Job.objects.filter(study_id=study.pk).exclude(state__in=ACTIVE).order_by("-pk")[:5]
    return render(
        request,
        "labeler/study.html",
        {
            "study": study,
            "there": there,
            "steps": steps(there),
            "levels": study.levels.all(),
            "running": running,
            "recent": recent,
            "move": _MOVES.get(StudyState(study.state)),
        },
    )


@require_POST
@login_required
def study_state(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    target = _MOVES.get(StudyState(study.state))
    if target is None or request.POST.get("state") != target:
        messages.warning(request, f"The study is {study.get_state_display()}; nothing was changed.")
    else:
        set_state(study, target, actor=Actor.of(request))
        messages.success(request, f"The study is now {study.get_state_display()}.")
    return redirect("study", study.pk)


@require_http_methods(["GET", "POST"])
@login_required
def study_members(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    form, added = RaterForm(request.POST or None), None
    if request.method == "POST" and form.is_valid():
        try:
            added = add_rater(study, **form.cleaned_data, actor=Actor.of(request))
        except ValidationError as error:
            form.add_error(None, error if not hasattr(error, "error_dict") else error.messages)
        else:
            form = RaterForm()
    members = list(study.memberships.select_related("user"))
    progress = progress_of(member.pk for member in members)
    seats = [Seat(member, progress[member.pk]) for member in members if member.role == Role.RATER]
    leads = [member for member in members if member.role == Role.LEAD]
    context = {"study": study, "form": form, "added": added, "seats": seats, "leads": leads}
    return render(request, "labeler/study_members.html", context)
