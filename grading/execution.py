"""What a training run does, stage by stage. Imports torch and dlib, so only workers import it.

A run may be taken up again after its worker died at any point: each stage first looks for what an earlier attempt left
(the frozen data set and gate, stored features, the artifact), and the last writes its rows and ends the job in one
transaction, held by the job's claim. So a run ends once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from grading.datasets import Manifest, NotTrainable, TrainingImage, freeze_dataset, load_manifest
from grading.features import Features, stored_features
from grading.gate import Gate, declare_gate
from grading.judgement import judge, write_evaluation
from grading.models import TrainingRun
from grading.runs import BEST, RunConfig
from grading.stages import Stage, StageProgress
from jobs import lifecycle
from jobs.running import FINISHED, JobFailed, Progress
from labeler.models import Image
from mlcore import artifact as artifacts
from mlcore.artifact import Artifact, ArtifactError
from mlcore.backbones import BackboneUnavailable
from mlcore.examples import Example, ExpertData
from mlcore.extractor import Extractor, ExtractorMismatch
from mlcore.faces import FaceModelMissing
from mlcore.installed import extractors_of, installed
from mlcore.raters import RaterModel
from mlcore.regressor import EpochReport, RegressorConfig
from mlcore.training import (
    MODELS,
    USUAL,
    Trained,
    TrainingConfig,
    TrainingImpossible,
    TrainingPlan,
    history_json,
    plan_training,
    train,
)

# What a person can do something about; anything else is a bug, and is reported as one.
_EXPECTED = (NotTrainable, TrainingImpossible, BackboneUnavailable, FaceModelMissing, ExtractorMismatch, ArtifactError)


def execute_run(progress: Progress) -> Mapping[str, Any]:
    """Do the whole run of the job whose progress this is.

    Raises JobFailed with what a person can act on, and JobLost once the job is not ours any more.
    """
    run = TrainingRun.objects.select_related("study", "dataset__consensus_version").get(job=progress.job)
    try:
        return _stages(run, progress)
    except _EXPECTED as error:
        raise JobFailed(str(error)) from error


def _stages(run: TrainingRun, progress: Progress) -> Mapping[str, Any]:
    manifest, gate = freeze(run, progress)
    work = prepare(run, manifest)
    found = measure(work, StageProgress(progress, Stage.FEATURES))
    artifact = learn(run, work, found, progress)
    look = StageProgress(progress, Stage.EVALUATE)
    look.report(0, 1)
    judgement = judge(manifest, gate, artifact, found)
    with transaction.atomic():
        lifecycle.hold(progress.job)
        evaluation = write_evaluation(run, gate, judgement)
        run.finished_at = timezone.now()
        run.save(update_fields=["finished_at"])
        audit.record(
            audit.SYSTEM,
            "run.evaluated",
            run,
            study_id=run.study_id,
            after={"evaluation": evaluation.pk, "passed": evaluation.passed, "rmse": judgement.metrics["rmse"]},
        )
        lifecycle.finish(progress.job, {"run": run.number, "passed": evaluation.passed, "verdict": judgement.verdict})
    return FINISHED


def freeze(run: TrainingRun, progress: Progress) -> tuple[Manifest, Gate]:
    """The run's data set, and the gate declared with it, before any look at the golden set."""
    StageProgress(progress, Stage.FREEZE).report(0, 1)
    if run.dataset is None:
        with transaction.atomic():
            lifecycle.hold(progress.job)
            run.dataset = freeze_dataset(run.study, audit.SYSTEM, RunConfig.from_json(run.configuration).group_column)
            gate = declare_gate(load_manifest(run.dataset))
            run.training = {"gate": gate.to_json()}
            run.save(update_fields=["dataset", "training"])
            audit.record(audit.SYSTEM, "run.gate_declared", run, study_id=run.study_id, after=gate.to_json())
    return load_manifest(run.dataset), Gate.from_json(run.training["gate"])


@dataclass(frozen=True, slots=True)
class Work:
    """What the later stages of one run share."""

    manifest: Manifest
    config: TrainingConfig
    extractors: tuple[Extractor, ...]
    pictures: Mapping[str, Path | None]

    def experts(self, found: Features) -> list[ExpertData]:
        """What each extractor saw in the training pictures, in the manifest's order."""
        return [
            ExpertData(
                extractor.config,
                [found[extractor.config.id][image.sha256].vectors for image in self.manifest.training],
                extractor.backbone.feels_rolls,
                extractor.backbone.blocks,
            )
            for extractor in self.extractors
        ]


def prepare(run: TrainingRun, manifest: Manifest) -> Work:
    """Load the backbones and find the pictures' files. Raises BackboneUnavailable."""
    config = RunConfig.from_json(run.configuration)
    training = TrainingConfig(
        levels=manifest.levels,
        models=MODELS if config.networks else USUAL,
        folds=config.members,
        regressor=RegressorConfig(hidden=config.hidden, max_epochs=config.max_epochs, seed=run.seeds["regressor"]),
        seed=run.seeds["split"],
    )
    wanted = {one.sha256 for one in manifest.training} | {one.sha256 for one in manifest.golden}
    rows = Image.objects.filter(study=run.study_id, sha256__in=wanted).values_list("sha256", "original")
    files = {sha256 or "": settings.GOLDFOLD_HOME / original for sha256, original in rows}
    pictures = {sha256: files.get(sha256) for sha256 in wanted}
    return Work(manifest, training, _open_extractors(config.backbone), pictures)


def _open_extractors(wanted: str) -> tuple[Extractor, ...]:
    """One for the backbone wanted; for `BEST`, one for each that is here already."""
    weights = settings.BACKBONE_WEIGHTS_DIR if settings.BACKBONE_WEIGHTS_DIR.is_dir() else None
    return extractors_of(installed(weights) if wanted == BEST else (wanted,), weights)


def measure(work: Work, progress: StageProgress) -> Features:
    """Features of every training and golden picture, at the offsets that scoring looks at."""
    wanted = dict.fromkeys(work.pictures, work.config.plain_offsets)
    return stored_features(work.pictures, work.extractors, [wanted] * len(work.extractors), progress.pictures)


def learn(run: TrainingRun, work: Work, found: Features, progress: Progress) -> Artifact:
    """Train, unless an earlier attempt did, and keep the artifact. Returns it as it was read back from its folder."""
    relative = artifact_folder(run)
    folder = settings.GOLDFOLD_HOME / relative
    if not folder.exists():
        examples = [example_of(one) for one in work.manifest.training]
        plan = plan_training(work.experts(found), examples, work.config)
        experts = work.experts(_rolled(work, found, plan, StageProgress(progress, Stage.ROLLS)))
        told = StageProgress(progress, Stage.TRAIN)
        # Models without epochs tell nothing meanwhile.
        told.report(0, 1)
        trained = train(experts, examples, work.config, lambda report: _tell(told, report), plan=plan)
        told.report(1, 1)
        _save(folder, Artifact(trained.ensemble, work.manifest.sha256, _metrics(work, trained, experts)))
    artifact = artifacts.load(folder)
    with transaction.atomic():
        lifecycle.hold(progress.job)
        run.artifact = relative
        run.training = {**run.training, **artifact.metrics}
        run.save(update_fields=["artifact", "training"])
    return artifact


def _save(folder: Path, artifact: Artifact) -> None:
    """Keep it, or leave what a worker that was thought dead has kept meanwhile: both were trained alike."""
    try:
        artifacts.save(folder, artifact)
    except ArtifactError:
        if not folder.exists():
            raise


def artifact_folder(run: TrainingRun) -> str:
    """Where the artifact lies below the store of files: named by all that decides it, so that a second attempt finds
    the first one's, and nothing else."""
    assert run.dataset is not None
    decisive = json.dumps([run.dataset.sha256, run.configuration, run.seeds, run.created_at.isoformat()])
    digest = hashlib.sha256(decisive.encode()).hexdigest()[:16]
    return f"studies/{run.study_id}/runs/{run.number:04d}-{digest}"


def example_of(image: TrainingImage) -> Example:
    return Example(image.sha256, image.group, image.target, image.grades)


def _rolled(work: Work, found: Features, plan: TrainingPlan, progress: StageProgress) -> Features:
    """The same features, with the rolls that training wants of its pictures."""
    names = [image.sha256 for image in work.manifest.training]
    wanted = [dict(zip(names, of_expert, strict=True)) for of_expert in plan.offsets]
    pictures = {sha256: work.pictures[sha256] for sha256 in names}
    rolled = stored_features(pictures, work.extractors, wanted, progress.pictures, found)
    return {extractor: {**records, **rolled[extractor]} for extractor, records in found.items()}


def _tell(progress: StageProgress, report: EpochReport) -> None:
    total = report.members * report.max_epochs
    done = report.member * report.max_epochs + report.epoch
    progress.report(done, total, f"epoch {report.epoch}, validation RMSE {report.validation_rmse:.3f}")


def _metrics(work: Work, trained: Trained, experts: Sequence[ExpertData]) -> dict[str, Any]:
    images = len(work.manifest.training)
    seen = sum(any(expert.vectors[at] for expert in experts) for at in range(images))
    named = {extractor.config.id: extractor.config.backbone for extractor in work.extractors}
    return {
        "validation": asdict(trained.validation),
        "history": history_json(trained.history),
        "samples": trained.samples,
        "training_images": images,
        "training_refused": images - seen,
        "left_out": len(work.manifest.left_out),
        "parts": [{"backbone": named[part.extractor_id], **asdict(part)} for part in trained.parts],
        "raters": _raters(trained.raters) if trained.raters else [],
    }


def _raters(model: RaterModel) -> list[dict[str, Any]]:
    """Their noise is None where it is not known apart from what the pictures don't tell."""
    return [
        {"rater": name, "grades": one.grades, "bias": one.bias, "noise": one.noise if model.tells_noise else None}
        for name, one in sorted(model.raters.items())
    ]
