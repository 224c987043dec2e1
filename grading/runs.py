"""The life of a training run: started, cancelled, failed, promoted. What it does is in `grading.execution`.

The site imports this module, so nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from grading.consensus import panel_figures
from grading.datasets import NotTrainable, check_trainable
from grading.groups import group_columns
from grading.models import Evaluation, Promotion, Scope, TrainingRun
from jobs import lifecycle
from jobs.models import ACTIVE, Job
from labeler.models import Study
from mlcore.records import BACKBONES

TRAIN: Final = "grading.train_model"
# Every backbone that is installed, each weighed by what it adds.
BEST: Final = "best"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What a run is trained with.

    backbone: one of `BACKBONES`, or `BEST` for all that are installed, each weighed by what it adds.
    group_column: a column of the images' metadata whose equal values stay on one side of every split; empty for none.
    networks: train the published network on each backbone too. hidden, max_epochs: its layers and longest training.
    members: folds that the training images are dealt into, each predicted by models that never saw it.
    """

    backbone: str = BEST
    seed: int = 0
    group_column: str = ""
    hidden: tuple[int, ...] = (1024, 512, 256)
    max_epochs: int = 100
    members: int = 5
    networks: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> RunConfig:
        return cls(**{**fields, "hidden": tuple(fields["hidden"])})


@transaction.atomic
def start_run(study: Study, actor: Actor, config: RunConfig | None = None) -> TrainingRun:
    """Queue a training run.

    Raises ValidationError, with a sentence for people, when a run is active already, when there are too few grades or
    no golden set to judge it by, or for a configuration that can't be.
    """
    config = config or RunConfig()
    _check_config(study, config)
    try:
        check_trainable(study, panel_figures(study, Scope.GOLDEN))
    except NotTrainable as error:
        raise ValidationError(str(error)) from error
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)  # two starts at once must not take one number
    close_ended_runs(study)
    last = TrainingRun.objects.filter(study=study).aggregate(last=Max("number"))["last"] or 0
    try:
        with transaction.atomic():
            job = lifecycle.enqueue(TRAIN, actor=actor, study_id=study.pk, dedup_key=f"train study {study.pk}")
            run = TrainingRun.objects.create(
                study=study,
                number=last + 1,
                job=job,
                configuration=config.to_json(),
                seeds={"split": config.seed, "regressor": config.seed},
            )
    except (lifecycle.AlreadyActive, IntegrityError) as error:
        raise ValidationError("A run of this study is active already; wait for it to end, or cancel it.") from error
    after = {"number": run.number, "configuration": run.configuration}
    audit.record(actor, "run.started", run, study_id=study.pk, after=after)
    return run


def _check_config(study: Study, config: RunConfig) -> None:
    if config.backbone not in {BEST, *BACKBONES}:
        raise ValidationError(f"There is no backbone {config.backbone!r}; there are {', '.join([BEST, *BACKBONES])}.")
    if config.group_column and config.group_column not in group_columns(study):
        raise ValidationError(f"No image of the study came with a column {config.group_column!r}.")


@transaction.atomic
def cancel_run(run: TrainingRun, actor: Actor) -> bool:
    """Stop a waiting or running run; its worker notices at its next report. False when it had ended already."""
    if not lifecycle.cancel(run.job, actor):
        return False
    _close(run)
    audit.record(actor, "run.cancelled", run, study_id=run.study_id)
    return True


@transaction.atomic
def fail_run(job: Job, error: str) -> None:
    """End a run that can't be done, together with its job. Raises JobLost when the claim no longer holds."""
    lifecycle.fail(job, error)
    _close(TrainingRun.objects.get(job=job))


@transaction.atomic
def close_ended_runs(study: Study) -> int:
    """Close runs whose job was ended by somebody else (a page of jobs, say); else they would block new ones."""
    ended = TrainingRun.objects.filter(study=study, finished_at__isnull=True).exclude(job__state__in=ACTIVE)
    return ended.update(finished_at=timezone.now())


def _close(run: TrainingRun) -> None:
    run.finished_at = timezone.now()
    run.save(update_fields=["finished_at"])


@transaction.atomic
def promote(run: TrainingRun, actor: Actor, reason: str = "") -> Promotion:
    """Let this run score the study's selfies from now on.

    Raises ValidationError for a run that was not evaluated, or that did not pass its gate where no reason is given.
    """
    Study.objects.select_for_update(no_key=True).get(pk=run.study_id)  # so that `before` is what this one replaces
    evaluation = latest_evaluation(run)
    if evaluation is None or not run.artifact:
        raise ValidationError("Only a run that ended with an evaluation can be promoted.")
    if not evaluation.passed and not reason.strip():
        raise ValidationError("This run did not pass its gate: say why it should be used all the same.")
    before = current_promotion(run.study_id)
    promotion = Promotion.objects.create(run=run, evaluation=evaluation, by=actor.user, reason=reason.strip())
    audit.record(
        actor,
        "run.promoted",
        run,
        study_id=run.study_id,
        before={"run": before.run.number if before else None},
        after={"run": run.number, "passed": evaluation.passed, "reason": promotion.reason},
    )
    return promotion


def latest_evaluation(run: TrainingRun) -> Evaluation | None:
    return run.evaluations.select_related("consensus_version").order_by("-pk").first()


def current_promotion(study_id: int) -> Promotion | None:
    """The promotion that counts, the study's latest, with its run and who promoted it."""
    rows = Promotion.objects.filter(run__study_id=study_id)
    return rows.select_related("run__study", "by").order_by("-pk").first()
