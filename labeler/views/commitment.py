"""The page of a study's commitments: hashes while it runs; events, documents and a recomputation after the close."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit import Actor
from jobs.lifecycle import AlreadyActive
from jobs.models import Job
from labeler import file_store, verifying_job
from labeler.access import member_of
from labeler.models import Assignment, Commitment, Role, Study, StudyState
from labeler.verification import verify

# A study with more is recomputed by a worker: a page may not take that long.
MOST_ON_A_PAGE: Final = 20_000


def _study_of_member(request: HttpRequest, study_id: int) -> tuple[Study, bool]:
    """The study of somebody who is in it, and whether they lead it. Raises Http404 for everybody else."""
    lead = member_of(request.user, study_id, Role.LEAD)
    seat = lead or member_of(request.user, study_id, Role.RATER)
    if seat is None:
        raise Http404("no such study")
    return seat.study, lead is not None


@require_http_methods(["GET", "POST"])
@login_required
def study_commitment(request: HttpRequest, study_id: int) -> HttpResponse:
    """All commitments. POST has a worker recompute those of a large, closed study."""
    study, leads = _study_of_member(request, study_id)
    closed, large = study.state == StudyState.CLOSED, _is_large(study)
    if request.method == "POST":
        if closed and large:
            _recompute(study, Actor.of(request))
        return redirect("study_commitment", study.pk)
    rows = list(Commitment.objects.filter(study=study))
    context = {
        "study": study,
        "leads": leads,
        "closed": closed,
        "rows": rows,
        "large": large,
        "found": verify(study) if rows and closed and not large else None,
        "job": _last_job(study) if closed and large else None,
    }
    return render(request, "labeler/study_commitment.html", context)


def _is_large(study: Study) -> bool:
    some = Assignment.objects.filter(membership__study=study).order_by()[: MOST_ON_A_PAGE + 1]
    return some.count() > MOST_ON_A_PAGE


def _recompute(study: Study, actor: Actor) -> None:
    try:
        verifying_job.enqueue(study, actor=actor)
    except AlreadyActive:
        return  # what was asked for is being done


def _last_job(study: Study) -> Job | None:
    return Job.objects.filter(study_id=study.pk, kind=verifying_job.VERIFY).order_by("-pk").first()


@require_safe
@login_required
def study_commitment_document(request: HttpRequest, study_id: int, number: int) -> FileResponse:
    """One document, once the study is closed."""
    study, _ = _study_of_member(request, study_id)
    if study.state != StudyState.CLOSED:
        raise Http404("not before the close")
    row = get_object_or_404(Commitment, study=study, number=number)
    path = file_store.path_of(row.path)
    if not path.is_file():
        raise Http404("the document is not in the store")
    return FileResponse(path.open("rb"), as_attachment=True, filename=f"{number}.txt", content_type="text/plain")


@require_safe
@login_required
def study_commitment_published(request: HttpRequest, study_id: int) -> HttpResponse:
    """The published hashes, as `sha256sum --check` and the program in docs/commitment.md read them."""
    study, _ = _study_of_member(request, study_id)
    lines = "".join(f"{row.sha256}  {row.number}.txt\n" for row in Commitment.objects.filter(study=study))
    answer = HttpResponse(lines, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="published.txt"'
    return answer
