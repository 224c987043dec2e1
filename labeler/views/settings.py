"""A lead sets the study up: its name, its plan, its scale with examples; and copies it."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from accounts.models import User
from labeler import file_store, labelling
from labeler.access import member_of, require_lead
from labeler.copying import copy_study
from labeler.forms.settings import CopyForm, LevelRowsForm, SettingsForm
from labeler.models import Level, Role, Study
from labeler.scales import set_scale, why_fixed
from labeler.study_settings import change_settings, costs, supply_of


@require_http_methods(["GET", "POST"])
@login_required
def study_settings(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    form = SettingsForm(request.POST or None, study=study)
    if request.method == "POST" and form.is_valid():
        try:
            changed = change_settings(study, form.settings(), actor=Actor.of(request))
        except ValidationError as error:
            form.refuse(error)
        else:
            messages.success(request, "The settings are saved." if changed else "Nothing was changed.")
            return redirect("study_settings", study.pk)
    return _page(request, study, form=form)


@require_POST
@login_required
def study_scale(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    rows = LevelRowsForm(request.POST, request.FILES, study=study)
    problems: Sequence[str] = ()
    if rows.is_valid():
        try:
            changed = set_scale(study, [row.change() for row in rows.chosen()], actor=Actor.of(request))
        except ValidationError as error:
            problems = rows.refuse(error)
        else:
            messages.success(request, "The scale is saved." if changed else "Nothing was changed.")
            return redirect("study_settings", study.pk)
    return _page(request, study, rows=rows, problems=problems)


def _page(
    request: HttpRequest,
    study: Study,
    *,
    form: SettingsForm | None = None,
    rows: LevelRowsForm | None = None,
    problems: Sequence[str] = (),
) -> HttpResponse:
    there = supply_of(study)
    levels = list(study.levels.all())
    context = {
        "study": study,
        "form": form or SettingsForm(study=study),
        "rows": rows or LevelRowsForm(study=study),
        "problems": problems,
        "fixed": why_fixed(study),
        "levels": levels,
        "examples": {level.pk for level in levels if level.example},
        "there": there,
        "costs": costs(study, there),
    }
    return render(request, "labeler/study_settings.html", context)


@require_safe
@login_required
def level_example(request: HttpRequest, study_id: int, level_id: int) -> HttpResponse:
    """A level's example picture, for the study's leads and raters."""
    user = request.user
    if not isinstance(user, User) or not (
        member_of(user, study_id, Role.LEAD) or labelling.rater(user, study_id) is not None
    ):
        raise Http404("no such study")
    level = get_object_or_404(Level.objects.exclude(example=""), pk=level_id, study_id=study_id)
    etag = f'"{level.example.rpartition("/")[2].removesuffix(".jpg")}"'
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(file_store.read(level.example), content_type="image/jpeg")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


@require_http_methods(["GET", "POST"])
@login_required
def study_copy(request: HttpRequest, study_id: int) -> HttpResponse:
    study = _copied_by(request, study_id)
    form = CopyForm(request.POST or None, initial={"name": f"{study.name} (copy)"[:120]})
    if request.method == "POST" and form.is_valid():
        try:
            copy = copy_study(study, actor=Actor.of(request), **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"This is the copy, “{copy.name}”. It has no golden set yet.")
            return redirect("study_settings", copy.pk)
    return render(request, "labeler/study_copy.html", {"study": study, "form": form, "there": supply_of(study)})


def _copied_by(request: HttpRequest, study_id: int) -> Study:
    """The study, for its lead and for an administrator. Raises Http404."""
    if isinstance(request.user, User) and request.user.is_admin:
        return get_object_or_404(Study, pk=study_id)
    return require_lead(request, study_id).study
