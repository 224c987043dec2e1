"""Which golden images count in which figure, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from django.utils import timezone

from grading.datasets import GoldenImage, Manifest, PanelRater
from grading.gate import Gate, declare_gate
from grading.judgement import judge
from mlcore.artifact import Artifact
from mlcore.ensemble import Ensemble
from mlcore.examples import Example, ExpertData
from mlcore.extractor import ExtractorConfig
from mlcore.feature_store import Stored
from mlcore.records import Box, Located, Patch, PatchVector, Region, Route
from mlcore.training import TrainingConfig, train

LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
MEAN = 2.5


EXTRACTOR = ExtractorConfig("texture", "none", 128)


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    examples = [Example(str(at), str(at), 3 + at / 8) for at in range(-8, 9)]
    vectors = [(vector(0, 0, at / 8),) for at in range(-8, 9)]
    trained = train([ExpertData(EXTRACTOR, vectors)], examples, TrainingConfig(LEVELS, models=("ridge",)))
    return Artifact(Ensemble(trained.ensemble.parts, LEVELS, MEAN), "0" * 64)


def vector(patch: int, offset: int, value: float) -> PatchVector:
    return PatchVector(patch, offset, np.array([value], dtype=np.float32), Region.CHIN)


def golden(sha256: str, truth: float, *, complete: bool = True) -> GoldenImage:
    return GoldenImage(sha256, truth, 3 if complete else 2, complete, sha256)


def manifest(*images: GoldenImage, ungraded: tuple[str, ...] = ()) -> Manifest:
    raters = (PanelRater("R01", 0.4, 0.6), PanelRater("R02", 0.5, 0.75))
    return Manifest(LEVELS, "mean", raters, "", (), images, (), ungraded)


def stored(*values: float) -> Stored:
    """A picture with a patch for each value; one more version of the first is rolled and must not count."""
    patches = tuple(Patch(Region.CHIN, Box(0, at, 20, at + 20)) for at in range(len(values)))
    vectors = tuple(vector(at, 0, value) for at, value in enumerate(values))
    rolled = vector(0, 6, 99)
    return Stored(Located(Route.ALIGNED, "", patches), 100, 100, (*vectors, rolled))


def score(artifact: Artifact, *values: float) -> float:
    (found,) = artifact.ensemble.predict([{EXTRACTOR.id: stored(*values).vectors}])
    assert found is not None
    return found.severity


def test_the_verdict_is_on_complete_images_and_a_refusal_counts_with_the_mean_target(artifact: Artifact) -> None:
    asked = manifest(golden("a", 3.0), golden("b", 4.5), golden("c", 1.0, complete=False), ungraded=("d",))
    found = {"a": stored(-0.5, 0.5), "b": Stored.refusal("no_face", "No face."), "c": stored(1.0)}
    judged = judge(asked, declare_gate(asked), artifact, {EXTRACTOR.id: found})
    own, of_c = score(artifact, -0.5, 0.5), score(artifact, 1.0)
    squares = [(own - 3.0) ** 2, (MEAN - 4.5) ** 2, (of_c - 1.0) ** 2]
    assert (judged.metrics["n"], judged.metrics["available"]["n"], judged.metrics["golden"]) == (2, 3, 4)
    assert judged.metrics["rmse"] == pytest.approx(np.sqrt(np.mean(squares[:2])))
    assert judged.metrics["available"]["rmse"] == pytest.approx(np.sqrt(np.mean(squares)))
    assert (judged.metrics["refused"], judged.metrics["coverage"]) == (1, 0.5)
    assert [(one.score, one.scored) for one in judged.predictions][1] == (MEAN, False)
    assert not judged.passed and judged.verdict.startswith("Does not pass")


def test_the_bar_is_the_worst_rater_of_the_panel_on_complete_images() -> None:
    gate = declare_gate(manifest(golden("a", 3.0), golden("b", 2.0, complete=False)))
    assert (gate.rater, gate.bar, gate.images) == ("R02", 0.5, 1)


def test_without_a_complete_image_nothing_passes(artifact: Artifact) -> None:
    asked = manifest(golden("c", 3.0, complete=False))
    judged = judge(
        asked, Gate("worst rater", "R02", 9.0, 0, timezone.now()), artifact, {EXTRACTOR.id: {"c": stored(0.0)}}
    )
    assert (judged.metrics["n"], judged.metrics["rmse"], judged.passed) == (0, None, False)
    assert judged.verdict.startswith("Not judged")
