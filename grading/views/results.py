"""How good the panel is: the lead's page of results."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.audit import Actor
from grading.chart import ModelLine, RaterBar, specification
from grading.consensus import PanelFigures, override_seat, panel_figures
from grading.forms import SeatForm, StartForm
from grading.models import Evaluation, Scope
from grading.rater_table import rater_rows
from grading.run_list import latest_evaluated, run_rows
from labeler.access import require_lead_not_rating
from labeler.models import Membership, Role, Study
from labeler.vega import draw

RECENT_RUNS = 5


@login_required
@require_GET
def results(request: HttpRequest, study_id: int) -> HttpResponse:
    study = require_lead_not_rating(request, study_id).study
    figures = panel_figures(study, _scope(request))
    shown = {
        "study": study,
        "tab": "results",
        "figures": figures,
        "scopes": Scope.choices,
        "rows": rater_rows(figures),
        "runs": run_rows(study, RECENT_RUNS),
        "form": StartForm(study),
        "seat_choices": SeatForm.base_fields["decision"].choices,  # type: ignore[attr-defined]  # a ChoiceField
    }
    return render(request, "grading/results.html", shown)


@login_required
@require_GET
def results_chart(request: HttpRequest, study_id: int) -> HttpResponse:
    """The raters' RMSE as an SVG picture."""
    study = require_lead_not_rating(request, study_id).study
    figures = panel_figures(study, _scope(request))
    svg = draw(specification(_bars(figures), _model(study, figures)))
    return HttpResponse(svg, content_type="image/svg+xml")


@login_required
@require_POST
def seat(request: HttpRequest, study_id: int, membership_id: int) -> HttpResponse:
    """Take a rater into the panel or out of it."""
    study = require_lead_not_rating(request, study_id).study
    membership = get_object_or_404(Membership, pk=membership_id, study=study, role=Role.RATER)
    form = SeatForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose whether the rater counts.")
        return redirect("results", study_id)
    try:
        override_seat(study, membership, form.counts(), form.cleaned_data["reason"], Actor.of(request))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, f"The panel is changed: {membership.code} {_DECIDED[form.cleaned_data['decision']]}.")
    return redirect("results", study_id)


_DECIDED = {SeatForm.RULE: "counts as the rule says", SeatForm.IN: "counts", SeatForm.OUT: "does not count"}


def _scope(request: HttpRequest) -> Scope | None:
    """The scope asked for; None, which chooses by the study, for none or an unknown one."""
    wanted = request.GET.get("scope", "")
    return Scope(wanted) if wanted in Scope.values else None


def _bars(figures: PanelFigures) -> list[RaterBar]:
    rated = zip(figures.panel, figures.agreement.raters, strict=True)
    return [RaterBar(seat.code, one.rmse) for seat, one in rated if one.rmse is not None]


def _model(study: Study, figures: PanelFigures) -> ModelLine | None:
    """Only on the golden set: elsewhere the model has seen the images."""
    evaluation: Evaluation | None = latest_evaluated(study) if figures.scope == Scope.GOLDEN else None
    if evaluation is None or evaluation.metrics["rmse"] is None:
        return None
    return ModelLine(f"model (run {evaluation.run.number})", evaluation.metrics["rmse"])
