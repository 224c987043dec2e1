"""Before the first image: the welcome, with its practice, for raters; and where a lead puts the practice together."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from labeler import file_store, labelling, practice
from labeler.access import member_of, require_lead
from labeler.forms.practice import NewPracticeForm, PracticeItemForm
from labeler.labelling import NotOpen
from labeler.models import Level, Membership, MembershipState, PracticeItem, Role, Study
from labeler.views.rater_pages import closed_page, rater_or_404, told_to_scripts

_STEPS = {"up": -1, "down": 1}


@require_http_methods(["GET", "POST"])
@login_required
def label_welcome(request: HttpRequest, study_id: int) -> HttpResponse:
    membership = rater_or_404(request, study_id)
    try:
        labelling.check_open(membership)
    except NotOpen as error:
        return closed_page(request, membership, error.refusal)
    if request.method == "POST":
        practice.finish_welcome(membership, actor=Actor.of(request))
        return redirect("label", study_id)
    return _welcome(request, membership)


@require_safe
@login_required
def practice_preview(request: HttpRequest, study_id: int) -> HttpResponse:
    """The welcome as raters see it, for the lead."""
    return _welcome(request, require_lead(request, study_id))


def _welcome(request: HttpRequest, membership: Membership) -> HttpResponse:
    study, levels = membership.study, list(Level.objects.filter(study_id=membership.study_id).order_by("order"))
    items = practice.items_of(study)
    context = {
        "study": study,
        "levels": levels,
        "leads": _names_of_leads(study),
        "items": items,
        "preview": membership.role == Role.LEAD,
        "boot": told_to_scripts(membership, levels) | {"practice": [_told(study, item) for item in items]},
    }
    response = render(request, "labeler/label_welcome.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _told(study: Study, item: PracticeItem) -> dict[str, object]:
    address = reverse("practice_picture", args=[study.pk, item.pk])
    return {"picture": address, "value": item.level.value, "remark": item.remark}


def _names_of_leads(study: Study) -> list[str]:
    leads = Membership.objects.filter(study=study, role=Role.LEAD, state=MembershipState.ACTIVE)
    return list(leads.exclude(user__name="").values_list("user__name", flat=True))


@require_safe
@login_required
def practice_picture(request: HttpRequest, study_id: int, item_id: int) -> HttpResponse:
    """A practice picture, for who is in the study. It never changes."""
    if not any(member_of(request.user, study_id, role) for role in (Role.RATER, Role.LEAD)):
        raise Http404("no such study")
    item = get_object_or_404(PracticeItem, pk=item_id, study_id=study_id)
    etag = f'"{item.path.rpartition("/")[2].removesuffix(".jpg")}"'
    if request.headers.get("If-None-Match") == etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(file_store.read(item.path), content_type="image/jpeg")
        response["Content-Disposition"] = 'inline; filename="image.jpg"'
    response["ETag"] = etag
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


@require_http_methods(["GET", "POST"])
@login_required
def study_practice(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    form = NewPracticeForm(request.POST or None, request.FILES or None, study=study)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            practice.add_item(
                study, asked["picture"].read(), asked["level"], remark=asked["remark"], actor=Actor.of(request)
            )
        except ValidationError as error:
            form.refuse(error)
        else:
            messages.success(request, "The picture is added.")
            return redirect("study_practice", study.pk)
    items = practice.items_of(study)
    rows = [(item, PracticeItemForm(study=study, item=item)) for item in items]
    context = {"study": study, "form": form, "rows": rows, "suggested": practice.SUGGESTED}
    return render(request, "labeler/study_practice.html", context)


@require_POST
@login_required
def practice_item(request: HttpRequest, study_id: int, item_id: int) -> HttpResponse:
    """Change, move or remove one; what is wrong is told on the page of all."""
    study = require_lead(request, study_id).study
    try:
        _do(request, study, item_id, request.POST.get("do", ""))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(f"{reverse('study_practice', args=[study.pk])}#practice-{item_id}")


def _do(request: HttpRequest, study: Study, item_id: int, what: str) -> None:
    actor = Actor.of(request)
    if what in _STEPS:
        practice.move_item(study, item_id, _STEPS[what], actor=actor)
    elif what == "remove":
        practice.remove_item(study, item_id, actor=actor)
        messages.success(request, "The picture is removed.")
    else:
        form = PracticeItemForm(request.POST, study=study)
        if not form.is_valid():
            raise ValidationError([text for texts in form.errors.values() for text in texts])
        asked = form.cleaned_data
        if practice.change_item(study, item_id, asked["level"], remark=asked["remark"], actor=actor):
            messages.success(request, "The change is saved.")
