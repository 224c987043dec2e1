"""What a lead does to a study that runs: pause it, deal what came later, withdraw a golden image, close it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit import Actor
from labeler import changes
from labeler.access import hides_sizes, is_blind, require_lead, require_lead_to_see_golden
from labeler.forms.raters import DealForm, ReasonForm
from labeler.models import Image, Study, StudyState
from labeler.progress import Progress, progress_of
from labeler.studies import set_state

# What the button may ask for: labelling begins by assigning, and closing has a page of its own.
TURNS = {StudyState.LABELLING: StudyState.PAUSED, StudyState.PAUSED: StudyState.LABELLING}


@require_POST
@login_required
def study_state(request: HttpRequest, study_id: int) -> HttpResponse:
    """Pause or resume."""
    study = require_lead(request, study_id).study
    target = TURNS.get(StudyState(study.state))
    if target is None or request.POST.get("state") != target:
        messages.warning(request, f"The study is {study.get_state_display()}; nothing was changed.")
    else:
        set_state(study, target, actor=Actor.of(request))
        messages.success(request, f"The study is now {study.get_state_display()}.")
    return redirect("study", study.pk)


@require_http_methods(["GET", "POST"])
@login_required
def study_close(request: HttpRequest, study_id: int) -> HttpResponse:
    """Close for good, after a look at what is still open."""
    study = require_lead(request, study_id).study
    if request.method == "POST":
        try:
            set_state(study, StudyState.CLOSED, actor=Actor.of(request))
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return redirect("study", study.pk)
        messages.success(request, "The study is closed, and its commitments are open to everybody in it.")
        return redirect("study_commitment", study.pk)
    progress = sum(progress_of(study.memberships.values_list("pk", flat=True)).values(), Progress())
    hidden = hides_sizes(request, study)
    context = {"study": study, "progress": progress, "waiting": _waiting(study), "sizes_hidden": hidden}
    return render(request, "labeler/study_close.html", context)


def _waiting(study: Study) -> int:
    """Images that came later and were dealt to nobody."""
    return changes.waiting(study) if study.state in changes.RUNNING else 0


@require_http_methods(["GET", "POST"])
@login_required
def deal_added(request: HttpRequest, study_id: int) -> HttpResponse:
    """Deal images that came while the study was running, after a look at who would get how many."""
    study = require_lead(request, study_id).study
    form = DealForm(request.POST or None, initial={"mix": "own"})
    plan, problem = None, ""
    try:
        if request.method == "POST" and form.is_valid() and "confirmed" in request.POST:
            done = changes.deal_added(study, share=form.share, actor=Actor.of(request))
            messages.success(request, _told(done, is_blind(request, study)))
            return redirect("study", study.pk)
        plan = changes.plan_added(study, form.share if form.is_bound and form.is_valid() else None)
    except ValidationError as error:
        problem = " ".join(error.messages)
    context = {"study": study, "form": form, "plan": plan, "problem": problem, "blind": is_blind(request, study)}
    return render(request, "labeler/deal_added.html", context)


def _told(done: changes.AddedPlan, blind: bool) -> str:
    if blind:  # where few images are dealt, even the numbers would tell which is golden
        return "The images are dealt."
    left = f" {len(done.left_out)} were left out." if done.left_out else ""
    return f"{done.training + len(done.golden)} images are dealt, {len(done.golden)} of them as golden ones.{left}"


@require_POST
@login_required
def golden_withdraw(request: HttpRequest, study_id: int, image_id: int) -> HttpResponse:
    """Take a golden image out, for a reason."""
    study = require_lead_to_see_golden(request, study_id).study
    image = get_object_or_404(Image, pk=image_id, study=study)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why in at most 200 characters: it stays in the study’s record.")
        return redirect("golden_list", study.pk)
    try:
        queues = changes.withdraw_golden(image, form.cleaned_data["reason"], actor=Actor.of(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        raters = "one rater" if queues == 1 else f"{queues} raters"
        messages.success(request, f"The image is withdrawn. {raters.capitalize()} had not been sent it, and won’t be.")
    return redirect("golden_list", study.pk)
