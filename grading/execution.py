"""What a training run does, stage by stage. Imports torch and dlib, so only workers import it.

A run may be taken up again after its worker died at any point: each stage first looks for what an earlier attempt left
(the frozen data set and gate, stored features, the artifact), and the last writes its rows and ends the job in one
transaction, held by the job's claim. So a run ends once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from grading.datasets import Manifest, NotTrainable, freeze_dataset, load_manifest
from grading.features import stored_features
from grading.gate import Gate, declare_gate
from grading.judgement import judge, write_evaluation
from grading.models import TrainingRun
from grading.runs import RunConfig
from grading.stages import Stage, StageProgress
from jobs import lifecycle
from jobs.running import FINISHED, JobFailed, Progress
from labeler.models import Image
from mlcore import artifact as artifacts
from mlcore import backbones
from mlcore.artifact import Artifact, ArtifactError
from mlcore.backbones import BackboneUnavailable
from mlcore.extractor import Extractor, ExtractorMismatch, configure
from mlcore.faces import FaceModelMissing
from mlcore.feature_store import FeatureStore, Stored
from mlcore.regressor import EpochReport, RegressorConfig
from mlcore.training import (
    Example,
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
    extractor: Extractor
    store: FeatureStore
    pictures: Mapping[str, Path | None]


def prepare(run: TrainingRun, manifest: Manifest) -> Work:
    """Load the backbone and find the pictures' files. Raises BackboneUnavailable."""
    config = RunConfig.from_json(run.configuration)
    weights = settings.BACKBONE_WEIGHTS_DIR if settings.BACKBONE_WEIGHTS_DIR.is_dir() else None
    backbone = backbones.load(config.backbone, weights)
    extractor = Extractor(configure(backbone), weights, backbone=backbone)
    regressor = RegressorConfig(
        hidden=config.hidden, max_epochs=config.max_epochs, members=config.members, seed=run.seeds["regressor"]
    )
    training = TrainingConfig(
        levels=manifest.levels,
        regressor=regressor,
        feels_rolls=backbone.feels_rolls,
        seed=run.seeds["split"],
    )
    wanted = {one.sha256 for one in manifest.training} | {one.sha256 for one in manifest.golden}
    rows = Image.objects.filter(study=run.study_id, sha256__in=wanted).values_list("sha256", "original")
    files = {sha256 or "": settings.GOLDFOLD_HOME / original for sha256, original in rows}
    store = FeatureStore(settings.GOLDFOLD_HOME / "features", extractor.config.id)
    return Work(manifest, training, extractor, store, {sha256: files.get(sha256) for sha256 in wanted})


def measure(work: Work, progress: StageProgress) -> dict[str, Stored]:
    """Features of every training and golden picture, unrolled."""
    return stored_features(work.pictures, work.extractor, work.store, progress.pictures)


def learn(run: TrainingRun, work: Work, found: Mapping[str, Stored], progress: Progress) -> Artifact:
    """Train, unless an earlier attempt did, and keep the artifact. Returns it as it was read back from its folder."""
    relative = artifact_folder(run)
    folder = settings.GOLDFOLD_HOME / relative
    if not folder.exists():
        examples = _examples(work.manifest, found)
        plan = plan_training(examples, work.config)
        if work.config.feels_rolls:
            examples = _rolled(examples, plan, work, StageProgress(progress, Stage.ROLLS))
        told = StageProgress(progress, Stage.TRAIN)
        trained = train(examples, work.config, lambda report: _tell(told, report), plan=plan)
        artifacts.save(folder, _artifact(run, work, trained, examples))
    artifact = artifacts.load(folder)
    with transaction.atomic():
        lifecycle.hold(progress.job)
        run.artifact = relative
        run.training = {**run.training, **artifact.metrics}
        run.save(update_fields=["artifact", "training"])
    return artifact


def artifact_folder(run: TrainingRun) -> str:
    """Where the artifact lies below the store of files: named by all that decides it, so that a second attempt finds
    the first one's, and nothing else."""
    assert run.dataset is not None
    decisive = json.dumps([run.dataset.sha256, run.configuration, run.seeds, run.created_at.isoformat()])
    digest = hashlib.sha256(decisive.encode()).hexdigest()[:16]
    return f"studies/{run.study_id}/runs/{run.number:04d}-{digest}"


def _examples(manifest: Manifest, found: Mapping[str, Stored]) -> list[Example]:
    return [Example(one.sha256, one.group, one.target, found[one.sha256].vectors) for one in manifest.training]


def _rolled(examples: list[Example], plan: TrainingPlan, work: Work, progress: StageProgress) -> list[Example]:
    wanted = {one.sha256: rolls.offsets for one, rolls in zip(examples, plan.rolls, strict=True) if one.vectors}
    pictures = {sha256: work.pictures[sha256] for sha256 in wanted}
    rolled = stored_features(pictures, work.extractor, work.store, progress.pictures, wanted)
    return [replace(one, vectors=rolled[one.sha256].vectors) if one.sha256 in rolled else one for one in examples]


def _tell(progress: StageProgress, report: EpochReport) -> None:
    total = report.members * report.max_epochs
    done = report.member * report.max_epochs + report.epoch
    progress.report(done, total, f"epoch {report.epoch}, validation RMSE {report.validation_rmse:.3f}")


def _artifact(run: TrainingRun, work: Work, trained: Trained, examples: list[Example]) -> Artifact:
    refused = [one.sha256 for one in examples if not one.vectors]
    metrics = {
        "validation": asdict(trained.validation),
        "history": history_json(trained.history),
        "samples": trained.samples,
        "training_images": len(examples),
        "training_refused": len(refused),
        "left_out": len(work.manifest.left_out),
        "extractor": work.extractor.config.id,
    }
    return Artifact(
        extractor=work.extractor.config,
        regressor=trained.regressor,
        levels=work.manifest.levels,
        target_mean=trained.target_mean,
        manifest_sha256=work.manifest.sha256,
        metrics=metrics,
    )
