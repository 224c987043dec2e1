"""Images and grades come in from the lead's browser."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit import Actor
from jobs.lifecycle import AlreadyActive
from jobs.models import Job, JobState
from labeler import import_jobs
from labeler.access import require_lead, require_lead_not_rating
from labeler.csv_table import BadTable
from labeler.forms.importing import AddressesForm, FilesForm, GradesForm, StoreForm
from labeler.import_lots import Where, take
from labeler.importing_grades import check_grades
from labeler.importing_many import check_facts
from labeler.models import Study, StudyState
from labeler.sources.cloud import places
from labeler.uploads import NameSentTwice, NoSuchUpload, Upload, find_upload, open_upload

_SHOWN_JOBS: Final = 6
# The ways to say where pictures are; the first is open.
_FORMS: Final = {"files": FilesForm, "addresses": AddressesForm, "store": StoreForm}

AnyForm = FilesForm | AddressesForm | StoreForm


@require_http_methods(["GET", "POST"])
@login_required
def study_import(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    open_to_images = study.state != StudyState.CLOSED
    if open_to_images and request.method == "POST" and "again" in request.POST:
        return _go_on(request, study)
    way = request.POST.get("way", "files") if request.POST.get("way") in _FORMS else "files"
    upload = _waiting(request, study)
    forms = _forms(request, way, upload)
    problems: tuple[str, ...] = ()
    if open_to_images and request.method == "POST" and forms[way].is_valid():
        upload = upload or open_upload(study.pk, _person(request))
        try:
            job = _take(study, forms[way], upload, Actor.of(request))
        except BadTable as error:
            problems = error.lines
        except (NameSentTwice, AlreadyActive, ValidationError) as error:
            forms[way].add_error(None, _told(error))
        else:
            return redirect("job", study.pk, job.pk)
        upload = _kept(upload, way)
    context = _shown(study) | {"forms": forms, "way": way, "problems": problems, "upload": upload}
    return render(request, "labeler/study_import.html", context)


def _shown(study: Study) -> dict[str, object]:
    jobs = list(Job.objects.filter(study_id=study.pk, kind=import_jobs.IMAGES).order_by("-pk")[:_SHOWN_JOBS])
    stopped = {JobState.FAILED, JobState.CANCELLED}
    return {
        "study": study,
        "open_to_images": study.state != StudyState.CLOSED,
        "has_begun": study.state != StudyState.DRAFT,
        "jobs": jobs,
        "active": next((job for job in jobs if job.is_active), None),
        "can_go_on": [job.pk for job in jobs if job.state in stopped and _is_repeatable(job)],
    }


def _forms(request: HttpRequest, way: str, upload: Upload | None) -> Mapping[str, AnyForm]:
    """One form for each way; what was sent is in the one that it was sent with."""
    sent = {way: (request.POST, request.FILES)} if request.method == "POST" else {}
    unsent = None, None
    return {
        "files": FilesForm(*sent.get("files", unsent), waiting=len(upload.sources()) if upload else 0),
        "addresses": AddressesForm(*sent.get("addresses", unsent)),
        "store": StoreForm(*sent.get("store", unsent), names=places()),
    }


def _waiting(request: HttpRequest, study: Study) -> Upload | None:
    """What was sent before, so that a faulty table doesn't cost the lead a second upload."""
    token = request.POST.get("upload", "")
    if not token:
        return None
    try:
        return find_upload(token, study.pk, _person(request))
    except NoSuchUpload:
        messages.error(request, _told(NoSuchUpload()))
        return None


def _kept(upload: Upload, way: str) -> Upload | None:
    """What stays of an upload that could not be imported yet: the files, without the table."""
    if way == "files":
        upload.drop_tables()
        return upload
    upload.remove()
    return None


def _take(study: Study, form: AnyForm, upload: Upload, actor: Actor) -> Job:
    """Raises NameSentTwice, BadTable, AlreadyActive and ValidationError."""
    where = _where(form, upload)
    if not where.source:  # a store is listed by the worker: it may take minutes
        check_facts(study, take(where).facts, actor)
    return import_jobs.enqueue_images(study, where, actor=actor)


def _where(form: AnyForm, upload: Upload) -> Where:
    """Keep what a form brought, and say where the pictures are. Raises NameSentTwice."""
    asked = form.cleaned_data
    if isinstance(form, FilesForm):
        upload.add((file.name, file.chunks()) for file in form.files_sent)
    if isinstance(form, AddressesForm):
        upload.put_manifest(asked["manifest"].name, asked["manifest"].read())
        return Where(upload=upload.token)
    table = asked["table"]
    if table is not None:
        upload.put_table(table.name, table.read())
    if isinstance(form, FilesForm):
        return Where(upload=upload.token)
    if table is None:
        upload.remove()
    return Where(source=asked["source"], prefix=asked["beginning"], upload=upload.token if table else "")


def _go_on(request: HttpRequest, study: Study) -> HttpResponse:
    """Do a stopped import from a store again: what is there is not fetched again."""
    number = request.POST["again"]
    jobs = Job.objects.filter(study_id=study.pk, kind=import_jobs.IMAGES)
    job = get_object_or_404(jobs, pk=int(number) if number.isascii() and number.isdecimal() else 0)
    if not _is_repeatable(job):
        messages.error(request, _told(NoSuchUpload()))
        return redirect("study_import", study.pk)
    try:
        again = import_jobs.enqueue_images(study, Where.from_params(job.params), actor=Actor.of(request))
    except AlreadyActive as error:
        messages.error(request, _told(error))
        return redirect("study_import", study.pk)
    return redirect("job", study.pk, again.pk)


def _is_repeatable(job: Job) -> bool:
    """Whether everything that the import needs is still where it was: uploads go with their job."""
    return "source" in job.params and "upload" not in job.params


@require_POST
@login_required
def study_upload(request: HttpRequest, study_id: int) -> JsonResponse:
    """A part of an upload, sent by the page's script; the answer names the upload to add the next part to."""
    study = require_lead(request, study_id).study
    token = request.POST.get("upload", "")
    try:
        upload = find_upload(token, study.pk, _person(request)) if token else open_upload(study.pk, _person(request))
        count = upload.add((file.name or "", file.chunks()) for file in request.FILES.getlist("files"))
    except (NoSuchUpload, NameSentTwice) as error:
        return JsonResponse({"error": _told(error)}, status=HTTPStatus.BAD_REQUEST)
    return JsonResponse({"upload": upload.token, "files": count})


@require_http_methods(["GET", "POST"])
@login_required
def grades_import(request: HttpRequest, study_id: int) -> HttpResponse:
    """Who brings a panel's grades knows them, and is told where they differ from those there: not who rates."""
    study = require_lead_not_rating(request, study_id).study
    form = GradesForm(request.POST or None, request.FILES or None)
    problems: tuple[str, ...] = ()
    if request.method == "POST" and form.is_valid():
        try:
            job = _take_grades(request, study, form)
        except BadTable as error:
            problems = error.lines
        except AlreadyActive as error:
            form.add_error(None, _told(error))
        else:
            return redirect("job", study.pk, job.pk)
    context = {"study": study, "form": form, "problems": problems, "levels": study.levels.all()}
    return render(request, "labeler/grades_import.html", context)


def _take_grades(request: HttpRequest, study: Study, form: GradesForm) -> Job:
    """Raises BadTable and AlreadyActive."""
    table = form.cleaned_data["table"]
    data = table.read()
    check_grades(study, table.name, data)
    upload = open_upload(study.pk, _person(request))
    upload.put_table(table.name, data)
    return import_jobs.enqueue_grades(study, upload, actor=Actor.of(request))


def _person(request: HttpRequest) -> int:
    return request.user.pk or 0


def _told(error: Exception) -> str:
    if isinstance(error, NoSuchUpload):
        return "What was sent is no longer there. Please choose the files again."
    if isinstance(error, AlreadyActive):
        return "An import into this study is under way already. Please wait until it has ended."
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return str(error)
