"""A run from frozen grades to its evaluation, on drawn faces with the real detector; also when its worker dies."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django import Settings

from accounts import audit
from accounts.models import AuditEvent
from grading import execution
from grading.datasets import load_manifest
from grading.execution import execute_run
from grading.models import Evaluation, Prediction, TrainingRun
from grading.run_report import report
from grading.runs import RunConfig, cancel_run, fail_run, latest_evaluation, start_run
from grading.tests.panels import GOLDEN, TINY, TRAINING, trainable_study
from jobs import lifecycle
from jobs.models import Job, JobState
from jobs.running import run_job
from labeler import file_store
from labeler.models import GoldenItem, Image, Study
from mlcore import artifact as artifacts
from mlcore import features as mlcore_features
from mlcore import images, training
from mlcore.artifact import Artifact, ArtifactError
from mlcore.extractor import Extractor
from mlcore.faces import FaceFinder
from mlcore.feature_store import FeatureStore
from mlcore.scorer import Scorer


class Killed(BaseException):
    """As `kill -9` ends a worker: nothing catches it."""


@pytest.fixture
def run(study: Study, settings: Settings) -> TrainingRun:
    # The heart beats on a connection of its own, which can't see what this test's transaction holds.
    settings.JOB_HEARTBEAT_SECONDS = 3600
    trainable_study(study)
    return start_run(study, audit.SYSTEM, TINY)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Generator[list[int]]:
    """The sizes of the files that feature extraction decodes."""
    seen: list[int] = []
    decode = images.decode

    def counting(data: bytes) -> object:
        seen.append(len(data))
        return decode(data)

    monkeypatch.setattr(mlcore_features, "decode", counting)
    yield seen


def work(run: TrainingRun) -> TrainingRun:
    run_job(run.job_id, execute_run, fail_run)
    return TrainingRun.objects.select_related("job", "dataset").get(pk=run.pk)


def die(run: TrainingRun) -> None:
    """The worker is killed while it runs, and so long ago that its job is an orphan."""
    with pytest.raises(Killed):
        work(run)
    long_ago = timezone.now() - timedelta(seconds=settings.JOB_DEAD_AFTER_SECONDS + 1)
    Job.objects.filter(pk=run.job_id).update(heartbeat_at=long_ago)


def test_a_run_ends_with_artifact_evaluation_and_verdict(run: TrainingRun) -> None:
    ended = work(run)
    assert (ended.job.state, ended.job.error) == (JobState.DONE, "")
    evaluation = Evaluation.objects.get(run=run)
    assert ended.finished_at is not None and ended.dataset is not None
    assert evaluation.gate_declared_at < evaluation.at
    assert evaluation.predictions.count() == evaluation.metrics["golden"] == GOLDEN
    assert evaluation.passed == (evaluation.metrics["rmse"] < evaluation.gate["bar"])
    assert ended.training["training_images"] == TRAINING
    shown = report(ended, latest_evaluation(ended))
    assert ("Passes: " if evaluation.passed else "Does not pass: ") in shown.verdict
    assert sum(row.total for row in shown.confusion) == evaluation.metrics["n"]
    assert list(AuditEvent.objects.filter(target_id=run.pk, target_type="grading.trainingrun").order_by("seq")
                .values_list("verb", flat=True)) == ["run.started", "run.gate_declared", "run.evaluated"]  # fmt: skip


def test_the_bar_is_the_worst_raters_error_on_the_golden_set(run: TrainingRun) -> None:
    evaluation = Evaluation.objects.get(run=work(run))
    assert run.study.datasets.get().consensus_version == evaluation.consensus_version
    manifest = load_manifest(run.study.datasets.get())
    assert evaluation.gate["bar"] == max(rater.rmse for rater in manifest.raters)


def test_an_evaluated_score_is_the_one_that_the_scorer_gives(run: TrainingRun) -> None:
    ended = work(run)
    scorer = Scorer.load(settings.GOLDFOLD_HOME / ended.artifact)
    for prediction in Prediction.objects.filter(evaluation__run=run).select_related("image"):
        score = scorer.score(file_store.read(prediction.image.original))
        assert score.severity == prediction.score
        assert [patch.score for patch in score.patches] == [patch["score"] for patch in prediction.patches]


def test_a_refused_golden_image_counts_with_the_mean_training_target(
    run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = Image.objects.filter(golden_item__isnull=False)[0]
    blind = file_store.path_of(golden.original)
    grey = np.full((320, 240, 3), 128, dtype=np.uint8)
    decode = images.decode
    data = blind.read_bytes()
    monkeypatch.setattr(mlcore_features, "decode", lambda given: grey if given == data else decode(given))
    golden_store = FeatureStore.get
    monkeypatch.setattr(
        FeatureStore, "get", lambda store, sha: None if sha == golden.sha256 else golden_store(store, sha)
    )
    monkeypatch.setattr(FeatureStore, "put", lambda store, sha, stored: None)
    evaluation = Evaluation.objects.get(run=work(run))
    refused = evaluation.predictions.get(image=golden)
    assert (refused.score, refused.route, refused.patches) == (evaluation.metrics["target_mean"], "refused", [])
    assert refused.reason == "No face, no eye and no skin was found in the picture."
    assert evaluation.metrics["coverage"] == pytest.approx((GOLDEN - 1) / GOLDEN)
    assert evaluation.metrics["n"] == GOLDEN and evaluation.metrics["refused"] == 1
    refusals = report(run, evaluation).refusals
    assert [(one.name, one.reason) for one in refusals] == [(golden.names.get().name, refused.reason)]


def test_features_are_computed_once_and_reused(run: TrainingRun, decoded: list[int]) -> None:
    work(run)
    decoded.clear()
    again = work(start_run(run.study, audit.SYSTEM, RunConfig(hidden=(4,), max_epochs=2, members=2, networks=True)))
    assert again.job.state == JobState.DONE and decoded == []


def test_the_same_grades_and_seed_give_the_same_model(run: TrainingRun) -> None:
    first, second = work(run), work(start_run(run.study, audit.SYSTEM, TINY))
    assert first.dataset == second.dataset and first.artifact != second.artifact
    scores = [list(e.predictions.order_by("image").values_list("score", flat=True)) for e in Evaluation.objects.all()]
    assert scores[0] == scores[1]


@pytest.mark.parametrize(
    ("module", "function"),
    [
        (execution, "declare_gate"),
        (execution, "plan_training"),
        (execution, "train"),
        (artifacts, "load"),
        (execution, "judge"),
        (execution, "write_evaluation"),
        (lifecycle, "finish"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_run_taken_up_after_its_worker_was_killed_ends_once(
    run: TrainingRun, module: object, function: str, decoded: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, function, _killed)
        die(run)
    decoded.clear()
    ended = work(run)
    assert (ended.job.state, ended.job.attempt) == (JobState.DONE, 2)
    assert Evaluation.objects.filter(run=run).count() == 1
    assert Prediction.objects.filter(evaluation__run=run).count() == GOLDEN
    assert run.study.datasets.count() == 1 and run.study.consensus_versions.count() == 1
    assert AuditEvent.objects.filter(verb="run.gate_declared", target_id=run.pk).count() == 1
    runs = (settings.GOLDFOLD_HOME / ended.artifact).parent
    assert [folder.name for folder in runs.iterdir()] == [Path(ended.artifact).name]
    if function != "declare_gate":
        assert decoded == []


def _killed(*args: object, **kwargs: object) -> None:
    raise Killed


def test_a_kill_in_the_middle_of_the_features_keeps_those_that_were_done(
    run: TrainingRun, settings: Settings, tmp_path: Path, decoded: list[int]
) -> None:
    shutil.copytree(settings.GOLDFOLD_HOME / "studies" / str(run.study_id), tmp_path / "studies" / str(run.study_id))
    settings.GOLDFOLD_HOME = tmp_path
    locate = Extractor.locate
    with pytest.MonkeyPatch.context() as patch:
        # Pictures that go through a backbone together are kept together.
        patch.setattr(mlcore_features, "_AHEAD", 2)
        patch.setattr(Extractor, "locate", lambda self, rgb: _killed() if len(decoded) > 5 else locate(self, rgb))
        die(run)
    decoded.clear()
    assert work(run).job.state == JobState.DONE and len(decoded) == GOLDEN + TRAINING - 4
    assert Evaluation.objects.filter(run=run).count() == 1


def test_a_second_delivery_of_the_same_job_does_nothing(run: TrainingRun) -> None:
    ended = work(run)
    again = work(run)
    assert (again.job.attempt, again.finished_at) == (ended.job.attempt, ended.finished_at)
    assert Evaluation.objects.filter(run=run).count() == 1


def test_a_worker_that_was_thought_dead_and_kept_its_artifact_first_fails_no_run(
    run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = artifacts.save

    def second(folder: Path, artifact: Artifact) -> None:
        save(folder, artifact)
        save(folder, artifact)

    monkeypatch.setattr(artifacts, "save", second)
    assert work(run).job.state == JobState.DONE


def test_an_artifact_that_could_not_be_written_fails_the_run_with_its_reason(
    run: TrainingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, artifact: Artifact) -> None:
        raise ArtifactError("The artifact could not be written: no space left")

    monkeypatch.setattr(artifacts, "save", full)
    ended = work(run)
    assert ended.job.state == JobState.FAILED and "no space left" in ended.job.error


@pytest.mark.parametrize("config", [TINY, replace(TINY, networks=False)], ids=["networks", "no networks"])
def test_training_is_shown_as_a_step_and_notices_a_cancel(
    run: TrainingRun, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel_run(run, audit.SYSTEM)
    again = start_run(run.study, audit.SYSTEM, config)
    train = training.train
    shown = []

    def cancelling(*args: object, **kwargs: object) -> object:
        shown.append(Job.objects.get(pk=again.job_id).message)
        trained = train(*args, **kwargs)  # type: ignore[arg-type]
        cancel_run(TrainingRun.objects.get(pk=again.pk), audit.SYSTEM)
        return trained

    monkeypatch.setattr(execution, "train", cancelling)
    ended = work(again)
    assert shown == ["Step 4 of 5: Training"]
    assert ended.job.state == JobState.CANCELLED and ended.artifact == ""
    assert not (settings.GOLDFOLD_HOME / execution.artifact_folder(ended)).exists()


def test_a_cancelled_run_stops_and_leaves_no_evaluation(run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    train = training.train

    def cancelling(*args: object, **kwargs: object) -> object:
        cancel_run(TrainingRun.objects.get(pk=run.pk), audit.SYSTEM)
        return train(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(execution, "train", cancelling)
    ended = work(run)
    assert ended.job.state == JobState.CANCELLED and ended.finished_at is not None
    assert not Evaluation.objects.exists() and ended.artifact == ""


def test_a_failed_run_says_why_and_leaves_room_for_the_next(run: TrainingRun, settings: Settings) -> None:
    cancel_run(run, audit.SYSTEM)
    empty = settings.GOLDFOLD_HOME / "no weights here"
    empty.mkdir(parents=True, exist_ok=True)
    settings.BACKBONE_WEIGHTS_DIR = empty
    failed = work(start_run(run.study, audit.SYSTEM, RunConfig(backbone="squeezenet1_0")))
    assert failed.job.state == JobState.FAILED and failed.finished_at is not None
    assert "squeezenet1_0" in failed.job.error and "BACKBONE_WEIGHTS_DIR" in failed.job.error
    assert start_run(run.study, audit.SYSTEM, TINY).number == 3


def test_grades_that_went_since_the_start_fail_the_run_with_a_reason(run: TrainingRun) -> None:
    GoldenItem.objects.update(withdrawn_at=timezone.now(), reason="test")
    failed = work(run)
    assert (failed.job.state, failed.dataset) == (JobState.FAILED, None)
    assert failed.job.error == "The study has no golden set, so there is nothing to judge a model by."


def test_no_finder_is_needed_where_all_features_are_stored(run: TrainingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    work(run)
    monkeypatch.setattr(FaceFinder, "frontal", _killed)
    assert work(start_run(run.study, audit.SYSTEM, TINY)).job.state == JobState.DONE
