"""Images and grades come in from the lead's browser."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit import Actor
from jobs.lifecycle import AlreadyActive
from jobs.models import Job
from labeler import import_jobs
from labeler.access import require_lead
from labeler.csv_table import BadTable
from labeler.forms.importing import GradesForm, ImagesForm
from labeler.import_table import read_facts
from labeler.importing_grades import check_grades
from labeler.models import ImageName, Study, StudyState
from labeler.uploads import NameSentTwice, NoSuchUpload, Upload, find_upload, open_upload

_PAGE = 50


@require_http_methods(["GET", "POST"])
@login_required
def study_import(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    open_to_images = study.state == StudyState.DRAFT
    upload = _waiting(request, study)
    form = ImagesForm(request.POST or None, request.FILES or None, waiting=len(upload.sources()) if upload else 0)
    problems: tuple[str, ...] = ()
    if request.method == "POST" and open_to_images and form.is_valid():
        upload = upload or open_upload(study.pk, _person(request))
        try:
            job = _take_images(request, study, form, upload)
        except BadTable as error:
            problems = error.lines
        except (NameSentTwice, AlreadyActive) as error:
            form.add_error(None, _told(error))
        else:
            return redirect("job", study.pk, job.pk)
    names = ImageName.objects.filter(study=study).order_by("pk").select_related("image__person", "image__golden_item")
    context = {
        "study": study,
        "form": form,
        "problems": problems,
        "upload": upload,
        "page": Paginator(names, _PAGE).get_page(request.GET.get("page")),
        "open_to_images": open_to_images,
    }
    return render(request, "labeler/study_import.html", context)


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


def _take_images(request: HttpRequest, study: Study, form: ImagesForm, upload: Upload) -> Job:
    """Raises NameSentTwice, BadTable and AlreadyActive."""
    upload.add((file.name, file.chunks()) for file in (*form.cleaned_data["images"], *form.cleaned_data["folder"]))
    table = form.cleaned_data["table"]
    if table is not None:
        data = table.read()
        read_facts(table.name, data, {source.name for source in upload.sources()})
        upload.put_table(table.name, data)
    return import_jobs.enqueue_upload(import_jobs.IMAGES, study, upload, actor=Actor.of(request))


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
    study = require_lead(request, study_id).study
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
    return import_jobs.enqueue_upload(import_jobs.GRADES, study, upload, actor=Actor.of(request))


def _person(request: HttpRequest) -> int:
    return request.user.pk or 0


def _told(error: Exception) -> str:
    if isinstance(error, NoSuchUpload):
        return "What was sent is no longer there. Please choose the files again."
    if isinstance(error, AlreadyActive):
        return "An import into this study is under way already. Please wait until it has ended."
    return str(error)
