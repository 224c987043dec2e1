"""Which golden images count in which figure, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from django.utils import timezone

from grading.datasets import GoldenImage, Manifest, PanelRater
from grading.gate import Gate, declare_gate
from grading.judgement import judge
from mlcore.artifact import Artifact
from mlcore.extractor import ExtractorConfig
from mlcore.feature_store import Stored
from mlcore.records import Box, Located, Patch, PatchVector, Region, Route
from mlcore.regressor import Regressor, RegressorConfig, fit

LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
MEAN = 2.5


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    x = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    model: Regressor = fit(
        x, 3 + x[:, 0].astype(float), np.ones(64), x, 3 + x[:, 0].astype(float), RegressorConfig((8,), max_epochs=2)
    )
    return Artifact(ExtractorConfig("texture", "none", 128), model, LEVELS, MEAN, "0" * 64)


def golden(sha256: str, truth: float, *, complete: bool = True) -> GoldenImage:
    return GoldenImage(sha256, truth, 3 if complete else 2, complete, sha256)


def manifest(*images: GoldenImage, ungraded: tuple[str, ...] = ()) -> Manifest:
    raters = (PanelRater("R01", 0.4, 0.6), PanelRater("R02", 0.5, 0.75))
    return Manifest(LEVELS, "mean", raters, "", (), images, (), ungraded)


def stored(*values: float) -> Stored:
    """A picture with a patch for each value; one more version of the first is rolled and must not count."""
    patches = tuple(Patch(Region.CHIN, Box(0, at, 20, at + 20)) for at in range(len(values)))
    vectors = tuple(
        PatchVector(at, 0, np.array([value], dtype=np.float32), Region.CHIN) for at, value in enumerate(values)
    )
    rolled = PatchVector(0, 6, np.array([99], dtype=np.float32))
    return Stored(Located(Route.ALIGNED, "", patches), 100, 100, (*vectors, rolled))


def test_the_verdict_is_on_complete_images_and_a_refusal_counts_with_the_mean_target(artifact: Artifact) -> None:
    asked = manifest(golden("a", 3.0), golden("b", 4.5), golden("c", 1.0, complete=False), ungraded=("d",))
    found = {"a": stored(-0.5, 0.5), "b": Stored.refusal("no_face", "No face."), "c": stored(1.0)}
    judged = judge(asked, declare_gate(asked), artifact, found)
    own = artifact.regressor.predict(np.array([[-0.5], [0.5]], dtype=np.float32)).mean()
    of_c = artifact.regressor.predict(np.array([[1.0]], dtype=np.float32))[0]
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
    judged = judge(asked, Gate("worst rater", "R02", 9.0, 0, timezone.now()), artifact, {"c": stored(0.0)})
    assert (judged.metrics["n"], judged.metrics["rmse"], judged.passed) == (0, None, False)
    assert judged.verdict.startswith("Not judged")
