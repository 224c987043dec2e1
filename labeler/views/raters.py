"""A study's raters: who they are and how far, and what happens when one comes, leaves, or lost their link."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.audit import Actor
from labeler.access import hides_sizes, is_blind, require_lead
from labeler.changes import RUNNING, LateRaterPlan, plan_late_rater, plan_withdrawal, withdraw_rater
from labeler.forms.raters import AdmissionForm, RaterForm, ReasonForm
from labeler.models import GoldenSight, Membership, MembershipState, Role, Study, StudyState
from labeler.progress import Progress, progress_of
from labeler.raters import AddedRater, add_rater, admit_rater, candidate, renew_link


@dataclass(frozen=True, slots=True)
class Seat:
    """A rater, how far they are, and what the lead can do for them."""

    membership: Membership
    progress: Progress
    can_leave: bool
    never_signed_in: bool


@require_http_methods(["GET", "POST"])
@login_required
def study_members(request: HttpRequest, study_id: int) -> HttpResponse:
    """Who rates; POST adds a rater, in a running study after a look at what that does."""
    study = require_lead(request, study_id).study
    form = RaterForm(request.POST or None)
    added: AddedRater | None = None
    preview: LateRaterPlan | None = None
    late = False
    if request.method == "POST" and form.is_valid():
        try:
            if study.state in RUNNING and "confirmed" not in request.POST:
                candidate(study, form.cleaned_data["email"])
                late = True
                # What is there to take tells which of the images that a rater was sent are for training.
                preview = None if is_blind(request, study) else plan_late_rater(study)
            else:
                added = add_rater(study, **form.cleaned_data, actor=Actor.of(request))
                form = RaterForm()
        except ValidationError as error:
            tell(form, error)
    return _members_page(request, study, form=form, added=added, late=late, preview=preview)


def _members_page(request: HttpRequest, study: Study, **context: object) -> HttpResponse:
    members = list(study.memberships.select_related("user", "admitted_by"))
    progress = progress_of(member.pk for member in members)
    closed = study.state == StudyState.CLOSED
    seats = [
        Seat(
            member,
            progress[member.pk],
            can_leave=member.state == MembershipState.ACTIVE and not closed and member.user is not None,
            never_signed_in=member.user is not None
            and member.user.last_login is None
            and not member.user.has_usable_password()
            and member.state == MembershipState.ACTIVE,
        )
        for member in members
        if member.role == Role.RATER
    ]
    leads = [member for member in members if member.role == Role.LEAD]
    admitted = [member for member in members if member.admitted_reason]
    seen = set(GoldenSight.objects.filter(study=study).values_list("user_id", flat=True))
    told = {
        "study": study,
        "running": study.state in RUNNING,
        "seats": seats,
        "leads": leads,
        "seen": seen,
        "admitted": admitted,
        "form": RaterForm(),
        "sizes_hidden": hides_sizes(request, study),
    }
    return render(request, "labeler/study_members.html", told | context)


def tell(form: Form, error: ValidationError) -> None:
    """Say what was refused, beside its field where the form has it."""
    found = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    for field, texts in found.items():
        form.add_error(field if field in form.fields else None, texts)


@require_http_methods(["GET", "POST"])
@login_required
def member_withdraw(request: HttpRequest, study_id: int, membership_id: int) -> HttpResponse:
    """A rater drops out: what would become of their images, and POST makes it so."""
    study = require_lead(request, study_id).study
    seat = get_object_or_404(Membership, pk=membership_id, study=study, role=Role.RATER, state=MembershipState.ACTIVE)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            done = withdraw_rater(seat, form.cleaned_data["reason"], actor=Actor.of(request))
        except ValidationError as error:
            tell(form, error)
        else:
            moved = "" if is_blind(request, study) else f" {done.moved} images went to the others."
            messages.success(request, f"{seat.code} has dropped out.{moved}")
            return redirect("study_members", study.pk)
    # Its numbers are of training images, and change with each that a rater is sent.
    blind = is_blind(request, study)
    plan = None if blind else plan_withdrawal(seat)
    context = {"study": study, "seat": seat, "form": form, "plan": plan, "blind": blind}
    return render(request, "labeler/member_withdraw.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def member_admit(request: HttpRequest, study_id: int) -> HttpResponse:
    """Somebody rates although they have seen the golden set."""
    study = require_lead(request, study_id).study
    form = AdmissionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            added = admit_rater(study, **form.cleaned_data, actor=Actor.of(request))
        except ValidationError as error:
            tell(form, error)
        else:
            messages.success(request, f"{added.membership.user} is admitted as rater {added.membership.code}.")
            return redirect("study_members", study.pk)
    return render(request, "labeler/member_admit.html", {"study": study, "form": form})


@require_POST
@login_required
def member_link(request: HttpRequest, study_id: int, membership_id: int) -> HttpResponse:
    """A new link for a rater who lost theirs, shown once."""
    study = require_lead(request, study_id).study
    seat = get_object_or_404(Membership, pk=membership_id, study=study, role=Role.RATER)
    try:
        link = renew_link(seat, actor=Actor.of(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("study_members", study.pk)
    return _members_page(request, study, renewed=AddedRater(seat, link))
