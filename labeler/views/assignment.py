"""The lead sees what would be dealt to whom, and begins labelling; afterwards, what was dealt."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.audit import Actor
from jobs.lifecycle import AlreadyActive
from jobs.models import ACTIVE, Job
from labeler import begin_labelling, golden
from labeler.access import hides_sizes, require_lead
from labeler.allocation import Allocation, allocation
from labeler.assignment import problems, raters_to_deal_to
from labeler.clusters import not_searched
from labeler.models import Study, StudyState


@dataclass(frozen=True, slots=True)
class Mend:
    """A page on which something that keeps labelling from beginning is put right."""

    url_name: str
    words: str


@require_http_methods(["GET", "POST"])
@login_required
def study_assign(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    if request.method == "POST":
        return _begin(request, study)
    if hides_sizes(request, study):
        return render(request, "labeler/study_sizes_hidden.html", {"study": study, "tab": "allocation"})
    there = allocation(study)
    beginning = Job.objects.filter(kind=begin_labelling.BEGIN, study_id=study.pk, state__in=ACTIVE).first()
    context = {
        "study": study,
        "draft": study.state == StudyState.DRAFT,
        "there": there,
        "picture": there.picture(),
        "mends": _mends(study, there) if there.problems else [],
        "job": beginning,
    }
    return render(request, "labeler/study_assign.html", context)


def _begin(request: HttpRequest, study: Study) -> HttpResponse:
    found = problems(study, list(raters_to_deal_to(study)))
    if found:
        messages.error(request, " ".join(found))
        return redirect("study_assign", study.pk)
    try:
        job = begin_labelling.enqueue(study, actor=Actor.of(request))
    except AlreadyActive as error:
        job = error.job
    return redirect("job", study.pk, job.pk)


def _mends(study: Study, there: Allocation) -> list[Mend]:
    raters = raters_to_deal_to(study).count()
    found = []
    if not there.training + there.golden:
        found.append(Mend("study_import", "Import images"))
    if raters < study.overlap:
        found.append(Mend("study_members", "Add raters"))
    if 0 < raters < study.overlap:
        found.append(Mend("study_settings", "Lower the overlap"))
    if not_searched(study):
        found.append(Mend("study_clusters", "Look for duplicates"))
    if golden.straddling(study) or there.drawn < study.golden_draw_size:
        found.append(Mend("study_golden", "Mend the golden set"))
    return found
