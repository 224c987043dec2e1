"""Which pictures belong together: where the search stands, what it found, and the lead's decisions over it."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import Actor
from jobs.lifecycle import AlreadyActive
from jobs.models import Job
from labeler import clusters
from labeler.access import knows_golden, require_lead, require_lead_not_rating, require_lead_to_see_golden
from labeler.cluster_list import between_folds, cluster_list
from labeler.cluster_rows import conflict_rows, rows
from labeler.conflicts import conflicting_grades
from labeler.forms.images import ClusterForm, ReasonForm
from labeler.models import GoldenItem, Study
from labeler.prescreening import editable
from labeler.unsearched import go_on_without_search

_PAGE: Final = 20


@require_safe
@login_required
def study_clusters(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    asked = request.GET.get("page", "")
    number = max(1, int(asked)) if asked.isascii() and asked.isdecimal() and len(asked) < 7 else 1
    found = cluster_list(study, offset=_PAGE * (number - 1), limit=_PAGE)
    page: Page[int] = Paginator(range(found.total), _PAGE).get_page(number)
    if page.number != number:
        found = cluster_list(study, offset=_PAGE * (page.number - 1), limit=_PAGE)
    context = {
        "study": study,
        "editable": editable(study),
        "waiting": clusters.not_searched(study),
        "job": Job.objects.filter(study_id=study.pk, kind=clusters.EXAMINE).order_by("-pk").first(),
        "found": found,
        "rows": rows(found.clusters),
        "page": page,
        "apart": len(between_folds(study)),
    }
    return render(request, "labeler/study_clusters.html", context)


@require_POST
@login_required
def clusters_search(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    try:
        clusters.search(study, actor=Actor.of(request))
    except AlreadyActive:
        messages.info(request, "The search is under way already.")
    return redirect("study_clusters", study.pk)


@require_POST
@login_required
def clusters_skip(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why it goes on without a search.")
        return redirect("study_clusters", study.pk)
    try:
        count = go_on_without_search(study, form.cleaned_data["reason"], actor=Actor.of(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"{count} pictures go on without a search; only the table’s persons join them.")
    return redirect("study_clusters", study.pk)


@require_POST
@login_required
def clusters_decide(request: HttpRequest, study_id: int) -> HttpResponse:
    """Part pictures from their cluster, or join pictures and clusters (each named by one of its pictures)."""
    study = require_lead(request, study_id).study
    form = ClusterForm(request.POST)
    if form.is_valid():
        _decide(request, study, form)
    else:
        messages.error(request, "Choose pictures or clusters, and say why.")
    back = request.POST.get("back", "")
    if url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("study_clusters", study.pk)


def _decide(request: HttpRequest, study: Study, form: ClusterForm) -> None:
    asked = form.cleaned_data
    try:
        if asked["do"] == "merge":
            images = {*asked["images"], *asked["clusters"]}
            clusters.merge(study, images, asked["reason"], actor=Actor.of(request))
            messages.success(request, "They belong together now.")
        else:
            clusters.split(study, asked["images"], asked["reason"], actor=Actor.of(request))
            messages.success(request, "Split off: these pictures no longer belong with the others.")
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))


@require_safe
@login_required
def study_conflicts(request: HttpRequest, study_id: int) -> HttpResponse:
    """Near-duplicates that were graded differently. It shows grades, so a lead who rates waits for the close.

    With their raters, too: where a copy's are not its twin's, everybody graded both.
    """
    study = require_lead_not_rating(request, study_id).study
    if GoldenItem.objects.filter(study=study).exists():
        if not knows_golden(request, study):
            return render(request, "labeler/golden_ask.html", {"study": study, "to": "conflicts"})
        require_lead_to_see_golden(request, study_id)
    page = Paginator(conflicting_grades(study), _PAGE).get_page(request.GET.get("page"))
    context = {"study": study, "page": page, "rows": conflict_rows(study, list(page))}
    return render(request, "labeler/study_conflicts.html", context)
