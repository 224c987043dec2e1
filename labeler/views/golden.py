"""The golden set: planned as a draw, which shows nobody anything; or chosen, which is for those who don't rate."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.audit import Actor
from accounts.models import User
from labeler import gallery, golden
from labeler.access import hides_sizes, knows_golden, require_lead, require_lead_to_see_golden
from labeler.csv_table import BadTable
from labeler.forms.golden import ChoiceForm, DrawForm, GoldenTableForm
from labeler.models import GoldenItem, GoldenSight, ImageName, Sight, Study, StudyState, usable_images
from labeler.sight import rates_blindly

_STRATA_SHOWN: Final = 12
_PAGE: Final = 48
# Pages that are shown to who has agreed to know the golden set.
_OPENED: Final = {"list": "golden_list", "conflicts": "study_conflicts"}


@require_safe
@login_required
def study_golden(request: HttpRequest, study_id: int) -> HttpResponse:
    """How the golden set stands; shows none of it."""
    return _page(request, require_lead(request, study_id).study)


@require_POST
@login_required
def golden_draw(request: HttpRequest, study_id: int) -> HttpResponse:
    """Plan the draw, or show what it would give."""
    study = require_lead(request, study_id).study
    form = DrawForm(request.POST, study=study, columns=golden.columns(study))
    if form.is_valid() and "look" not in request.POST:
        try:
            golden.plan_draw(study, **form.cleaned_data, actor=Actor.of(request))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, "The draw is planned." if study.golden_draw_size else "Nothing will be drawn.")
            return redirect("study_golden", study.pk)
    return _page(request, study, draw=form)


@require_POST
@login_required
def golden_table(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead_to_see_golden(request, study_id, Sight.CHOSE).study
    form = GoldenTableForm(request.POST, request.FILES)
    problems: tuple[str, ...] = ()
    if form.is_valid():
        table = form.cleaned_data["table"]
        try:
            done = golden.choose_from_table(study, table.name, table.read(), actor=Actor.of(request))
        except BadTable as error:
            problems = error.lines
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _told(done))
            return redirect("study_golden", study.pk)
    return _page(request, study, table=form, problems=problems)


@require_POST
@login_required
def golden_complete(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead(request, study_id).study
    try:
        count = golden.complete(study, actor=Actor.of(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"{_images(count)} became golden, so every cluster is whole.")
    return redirect("study_golden", study.pk)


def _page(
    request: HttpRequest,
    study: Study,
    *,
    draw: DrawForm | None = None,
    table: GoldenTableForm | None = None,
    problems: tuple[str, ...] = (),
) -> HttpResponse:
    if hides_sizes(request, study):
        return render(request, "labeler/study_sizes_hidden.html", {"study": study, "tab": "golden"})
    draft = study.state == StudyState.DRAFT
    stands = golden.standing(study)
    if draft and draw is None:
        draw = DrawForm(study=study, columns=golden.columns(study))
    asked = _asked(study, draw)
    strata = golden.strata(study, asked[1], min(asked[0], stands.to_draw_from)) if draft else []
    context = {
        "study": study,
        "draft": draft,
        "stands": stands,
        "planned": min(study.golden_draw_size, stands.to_draw_from) if draft else 0,
        "draw": draw,
        "asked": asked,
        "strata": strata[:_STRATA_SHOWN],
        "more_strata": max(0, len(strata) - _STRATA_SHOWN),
        "table": table or GoldenTableForm(),
        "problems": problems,
        "closed_to_me": isinstance(request.user, User) and rates_blindly(study, request.user),
        "sights": GoldenSight.objects.filter(study=study).select_related("user").order_by("at"),
    }
    return render(request, "labeler/study_golden.html", context)


def _asked(study: Study, draw: DrawForm | None) -> tuple[int, str]:
    """Size and column of the form as it was sent, else as they are planned."""
    if draw is not None and draw.is_bound and "size" in draw.cleaned_data and "column" in draw.cleaned_data:
        return draw.cleaned_data["size"], draw.cleaned_data["column"]
    return study.golden_draw_size, study.golden_draw_column


@require_POST
@login_required
def golden_open(request: HttpRequest, study_id: int) -> HttpResponse:
    """Somebody has read that who sees the golden set can't rate, and wants to see it."""
    study = require_lead_to_see_golden(request, study_id).study
    return redirect(_OPENED.get(request.POST.get("to", ""), "golden_choose"), study.pk)


@require_http_methods(["GET", "POST"])
@login_required
def golden_choose(request: HttpRequest, study_id: int) -> HttpResponse:
    """All pictures with ticks, a page at a time; leafing on saves the page."""
    study = require_lead(request, study_id).study
    if not knows_golden(request, study):
        return _ask_first(request, study, "choose")
    require_lead_to_see_golden(request, study_id, Sight.CHOSE)
    if request.method == "POST":
        return _save_ticks(request, study)
    search, only = request.GET.get("search", "")[:100], request.GET.get("only") == "golden"
    names = _with_item(gallery.pictures(study, search=search).filter(usable_images("image__")))
    if only:
        names = names.filter(image__golden_item__isnull=False)
    page = Paginator(names, _PAGE).get_page(request.GET.get("page"))
    context = {
        "study": study,
        "page": page,
        "search": search,
        "only": only,
        "draft": study.state == StudyState.DRAFT,
        "chosen": GoldenItem.objects.filter(study=study, withdrawn_at__isnull=True).count(),
    }
    return render(request, "labeler/golden_choose.html", context)


def _save_ticks(request: HttpRequest, study: Study) -> HttpResponse:
    form = ChoiceForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError("The ticks could not be read; choose again.")
        done = golden.set_choice(study, form.chosen(), form.unchosen(), actor=Actor.of(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        if done.chosen or done.unchosen:
            messages.success(request, _told(done, asked=len(form.chosen())))
    sought = {key: request.POST.get(key, "") for key in ("search", "only")}
    query = {key: value for key, value in (sought | {"page": request.POST.get("go", "1")}).items() if value}
    return redirect(f"{reverse('golden_choose', args=[study.pk])}?{urlencode(query)}")


@require_safe
@login_required
def golden_list(request: HttpRequest, study_id: int) -> HttpResponse:
    """The golden images, for who has agreed to see them; while the study runs they can be withdrawn here."""
    study = require_lead(request, study_id).study
    if not knows_golden(request, study):
        return _ask_first(request, study, "list")
    require_lead_to_see_golden(request, study_id)
    names = ImageName.objects.filter(study=study, repeat=0, image__golden_item__isnull=False)
    page = Paginator(_with_item(names.select_related("image").order_by("name")), _PAGE)
    running = study.state in (StudyState.LABELLING, StudyState.PAUSED)
    context = {"study": study, "page": page.get_page(request.GET.get("page")), "running": running}
    return render(request, "labeler/golden_list.html", context)


def _ask_first(request: HttpRequest, study: Study, to: str) -> HttpResponse:
    """Say what seeing costs; PermissionDenied has come before for who rates."""
    if isinstance(request.user, User) and rates_blindly(study, request.user):
        require_lead_to_see_golden(request, study.pk)
    status = HTTPStatus.OK if request.method == "GET" else HTTPStatus.CONFLICT
    return render(request, "labeler/golden_ask.html", {"study": study, "to": to}, status=status)


def _with_item(names: QuerySet[ImageName]) -> QuerySet[ImageName]:
    return names.select_related("image__golden_item")


def _told(done: golden.Changed, *, asked: int | None = None) -> str:
    parts = [f"{_images(done.chosen)} became golden"] if done.chosen else []
    parts += [f"{_images(done.unchosen)} ceased to be"] if done.unchosen else []
    words = ", ".join(parts) or "Nothing was changed"
    along = done.chosen - asked if asked is not None else 0
    return f"{words}; {along} of them belong together with one that you ticked." if along > 0 else f"{words}."


def _images(count: int) -> str:
    return "One image" if count == 1 else f"{count} images"
