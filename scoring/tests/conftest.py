"""A drawn selfie, a tiny model trained on drawn faces, and a way to promote it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone

from grading.models import ConsensusVersion, Evaluation, Promotion, TrainingRun
from jobs.models import Job, JobState
from labeler.models import Study
from mlcore import artifact as artifacts
from mlcore import backbones
from mlcore.artifact import Artifact
from mlcore.examples import Example, ExpertData
from mlcore.extractor import Extractor, configure
from mlcore.faces import FaceFinder
from mlcore.regressor import RegressorConfig
from mlcore.synthetic import CohortConfig, Face, cohort, draw_face, encode_jpeg
from mlcore.tests.models import unrolled
from mlcore.training import TrainingConfig, train
from scoring.loaded import LoadedRuns

COHORT = CohortConfig(size=4, seed=11, profile_share=0.0, width=360, height=480)
LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)


@pytest.fixture(scope="session")
def faces() -> list[Face]:
    return [draw_face(subject, COHORT) for subject in cohort(COHORT)]


@pytest.fixture(scope="session")
def selfie(faces: list[Face]) -> bytes:
    """A JPEG of a drawn face."""
    return encode_jpeg(faces[0])


@dataclass(frozen=True, slots=True)
class Models:
    """Folders of two saved models that answer differently."""

    first: Path
    second: Path


@pytest.fixture(scope="session")
def models(faces: list[Face], finder: FaceFinder, tmp_path_factory: pytest.TempPathFactory) -> Models:
    extractor = Extractor(configure(backbones.load("texture")), finder=finder)
    vectors = [unrolled(extractor, face.pixels) for face in faces]
    examples = [Example(str(at), str(at), face.subject.severity) for at, face in enumerate(faces)]
    saved = []
    for seed in (1, 2):
        small = RegressorConfig(hidden=(8,), max_epochs=2, seed=seed)
        config = TrainingConfig(LEVELS, models=("network",), folds=2, regressor=small)
        ensemble = train([ExpertData(extractor.config, vectors)], examples, config).ensemble
        folder = tmp_path_factory.mktemp("models") / f"seed-{seed}"
        artifacts.save(folder, Artifact(ensemble, manifest_sha256="0" * 64))
        saved.append(folder)
    return Models(*saved)


@pytest.fixture(scope="session")
def finder() -> FaceFinder:
    """Shared, as loading the landmark model takes a second."""
    return FaceFinder()


@pytest.fixture
def fresh_process(monkeypatch: pytest.MonkeyPatch, finder: FaceFinder) -> None:
    """No run is loaded yet."""
    monkeypatch.setattr("scoring.api.runs", LoadedRuns(finder))


Promote = Callable[[Study, Path], TrainingRun]


@pytest.fixture
def promote(settings: LazySettings, tmp_path: Path) -> Promote:
    """Promotes a saved model in a study, as if a run had trained it."""
    settings.GOLDFOLD_HOME = tmp_path / "files"
    numbers = itertools.count(1)

    def promote_model(study: Study, folder: Path) -> TrainingRun:
        number = next(numbers)
        name = f"artifacts/{study.pk}-{number}"
        shutil.copytree(folder, settings.GOLDFOLD_HOME / name)
        now = timezone.now()
        run = TrainingRun.objects.create(
            study=study,
            number=number,
            job=Job.objects.create(kind="grading.train_model", study_id=study.pk, state=JobState.DONE),
            configuration={},
            seeds={},
            artifact=name,
            finished_at=now,
        )
        evaluation = Evaluation.objects.create(
            run=run,
            consensus_version=ConsensusVersion.objects.create(study=study, panel=[], golden=[]),
            gate={},
            gate_declared_at=now,
            metrics={},
            passed=True,
        )
        Promotion.objects.create(run=run, evaluation=evaluation)
        return run

    return promote_model
