"""A study's runs, newest first, each with what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from grading.models import Evaluation, TrainingRun
from grading.runs import current_promotion
from labeler.models import Study


@dataclass(frozen=True, slots=True)
class RunRow:
    run: TrainingRun
    evaluation: Evaluation | None
    promoted: bool

    @property
    def rmse(self) -> float | None:
        return self.evaluation.metrics["rmse"] if self.evaluation else None

    @property
    def bar(self) -> float | None:
        return self.evaluation.gate["bar"] if self.evaluation else None


def run_rows(study: Study, most: int | None = None) -> list[RunRow]:
    """Three queries, however many runs there are."""
    runs = list(TrainingRun.objects.filter(study=study).select_related("job", "dataset").order_by("-number")[:most])
    looks = {look.run_id: look for look in Evaluation.objects.filter(run__in=runs).order_by("pk")}
    promotion = current_promotion(study.pk)
    promoted = promotion.run_id if promotion else None
    return [RunRow(run, looks.get(run.pk), run.pk == promoted) for run in runs]


def latest_evaluated(study: Study) -> Evaluation | None:
    """The evaluation that stands for "the model" beside the raters: the promoted run's, else the newest."""
    promotion = current_promotion(study.pk)
    if promotion is not None:
        return Evaluation.objects.select_related("run").get(pk=promotion.evaluation_id)
    return Evaluation.objects.filter(run__study=study).select_related("run").order_by("-pk").first()
