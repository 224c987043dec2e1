"""How long work is going: a page for people, the same as JSON for the page's script."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.audit import Actor
from jobs.models import Job, JobState
from labeler import import_jobs
from labeler.access import require_lead, require_lead_for_work

# Other work has a page of its own, where it is stopped.
_OWN_KINDS: Final = (import_jobs.IMAGES, import_jobs.GRADES)


@require_safe
@login_required
def job(request: HttpRequest, study_id: int, job_id: int) -> HttpResponse:
    study, job = require_lead_for_work(request, study_id, job_id)
    done = job.state == JobState.DONE
    context = {
        "study": study,
        "job": job,
        "title": job.title,
        "can_cancel": job.kind in _OWN_KINDS,
        "images": job.result if done and job.kind == import_jobs.IMAGES else None,
        "grades": job.result if done and job.kind == import_jobs.GRADES else None,
    }
    return render(request, "labeler/job.html", context)


@require_safe
@login_required
def job_status(request: HttpRequest, study_id: int, job_id: int) -> JsonResponse:
    _study, job = require_lead_for_work(request, study_id, job_id)
    response = JsonResponse(
        {
            "state": job.state,
            "done": job.done,
            "total": job.total,
            "percent": job.percent,
            "message": job.message,
            "error": job.error,
            "result": job.result,
        }
    )
    response["Cache-Control"] = "no-store"
    return response


@require_POST
@login_required
def job_cancel(request: HttpRequest, study_id: int, job_id: int) -> HttpResponse:
    require_lead(request, study_id)
    job = get_object_or_404(Job, pk=job_id, study_id=study_id, kind__in=_OWN_KINDS)
    if import_jobs.cancel(job, Actor.of(request)):
        messages.success(request, "Stopped. What was imported until then stays; importing again goes on from there.")
    else:
        messages.info(request, "It had ended already.")
    return redirect("job", study_id, job_id)
