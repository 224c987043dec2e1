"""What a run's page says of it, made from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grading.gate import Gate, verdict
from grading.models import Evaluation, Prediction, TrainingRun
from grading.stages import Step, steps
from jobs.models import JobState
from labeler.models import ImageName, Level

HEATS = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """heat: 0 for none to 5 for the largest share of the true level's images."""

    count: int
    heat: int
    agrees: bool


@dataclass(frozen=True, slots=True)
class ConfusionRow:
    """One true level: how many of its images got which level from the model."""

    level: str
    cells: tuple[Cell, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """A golden image that the model refused; it counted with the mean training target."""

    name: str
    reason: str
    truth: float


@dataclass(frozen=True, slots=True)
class RunReport:
    run: TrainingRun
    steps: tuple[Step, ...]
    gate: Gate | None
    evaluation: Evaluation | None
    verdict: str
    levels: tuple[str, ...]
    confusion: tuple[ConfusionRow, ...]
    refusals: tuple[Refusal, ...]

    @property
    def active(self) -> bool:
        return self.run.job.is_active

    @property
    def scored(self) -> int:
        """Of the judged images, those that the model did not refuse."""
        return self._images("coverage")

    @property
    def within_one(self) -> int:
        """Of the judged images, those whose level is at most one off the panel's."""
        return self._images("within_one")

    def _images(self, share: str) -> int:
        # As a count: a share in whole percent would call 229 of 230 all of them.
        metrics = self.evaluation.metrics if self.evaluation else {}
        return round(float(metrics.get(share) or 0) * int(metrics.get("n", 0)))

    @property
    def failed(self) -> bool:
        return self.run.job.state == JobState.FAILED


def report(run: TrainingRun, evaluation: Evaluation | None) -> RunReport:
    """Read the run's rows; a number of queries that does not depend on how many images there are."""
    gate = Gate.from_json(run.training["gate"]) if "gate" in run.training else None
    names = tuple(level.name for level in Level.objects.filter(study=run.study_id).order_by("value"))
    done = steps(run.job.done, run.job.total)
    if evaluation is None:
        return RunReport(run, done, gate, None, "", names, (), ())
    judged_by = Gate.from_json(evaluation.gate)
    return RunReport(
        run=run,
        steps=done,
        gate=judged_by,
        evaluation=evaluation,
        verdict=verdict(evaluation.metrics["rmse"], judged_by.bar, judged_by.rater),
        levels=names,
        confusion=confusion_rows(names, evaluation.metrics["confusion"]),
        refusals=_refusals(evaluation),
    )


def confusion_rows(levels: Sequence[str], matrix: Sequence[Sequence[int]]) -> tuple[ConfusionRow, ...]:
    """The matrix with its rows' totals; heat is a cell's share of its row."""
    return tuple(
        ConfusionRow(
            level,
            tuple(Cell(count, _heat(count, sum(row)), at == place) for place, count in enumerate(row)),
            sum(row),
        )
        for at, (level, row) in enumerate(zip(levels, matrix, strict=True))
    )


def _heat(count: int, total: int) -> int:
    """0 only for an empty cell."""
    return max(1, round(HEATS * count / total)) if count else 0


def _refusals(evaluation: Evaluation) -> tuple[Refusal, ...]:
    refused = list(Prediction.objects.filter(evaluation=evaluation, patches=[]).order_by("image_id"))
    names = ImageName.objects.filter(image__in=[one.image_id for one in refused], repeat=0)
    name_of = dict(names.values_list("image_id", "name"))
    return tuple(Refusal(name_of.get(one.image_id, "unnamed"), one.reason, one.truth) for one in refused)
