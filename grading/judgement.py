"""A trained model before the golden set: every golden image counts, also one that the model refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from grading.datasets import GoldenImage, Manifest
from grading.gate import Gate, verdict
from grading.models import Evaluation, Prediction, TrainingRun
from labeler.models import Image
from mlcore.artifact import Artifact
from mlcore.evaluation import evaluate
from mlcore.feature_store import Stored
from mlcore.scorer import PatchScore
from mlcore.training import image_severity


@dataclass(frozen=True, slots=True)
class GoldenPrediction:
    """score: what counts; the mean training target where the model refused, which has no patches then."""

    golden: GoldenImage
    score: float
    scored: bool
    patches: tuple[PatchScore, ...]
    route: str
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """metrics: on the complete golden images; beside them, under "available", on all that have a truth."""

    predictions: tuple[GoldenPrediction, ...]
    metrics: dict[str, Any]
    passed: bool
    verdict: str


def judge(manifest: Manifest, gate: Gate, artifact: Artifact, found: Mapping[str, Stored]) -> Judgement:
    """Score every golden image and hold the figures against the gate."""
    predictions = tuple(_predict(image, artifact, found[image.sha256]) for image in manifest.golden)
    metrics = {
        **_figures([one for one in predictions if one.golden.complete], manifest.levels),
        "available": _figures(predictions, manifest.levels),
        "golden": len(manifest.golden) + len(manifest.ungraded_golden),
        "refused": sum(not one.scored for one in predictions),
        "target_mean": artifact.target_mean,
    }
    rmse = metrics["rmse"]
    return Judgement(predictions, metrics, gate.passed_by(rmse), verdict(rmse, gate.bar, gate.rater))


def write_evaluation(run: TrainingRun, gate: Gate, judgement: Judgement) -> Evaluation:
    """Write this look at the golden set. In the transaction that ends the run, so that a run taken up again writes
    it once."""
    assert run.dataset is not None
    evaluation = Evaluation.objects.create(
        run=run,
        consensus_version=run.dataset.consensus_version,
        gate=gate.to_json(),
        gate_declared_at=gate.declared_at,
        metrics=judgement.metrics,
        passed=judgement.passed,
    )
    wanted = [one.golden.sha256 for one in judgement.predictions]
    rows = Image.objects.filter(study=run.study_id, sha256__in=wanted).values_list("sha256", "pk")
    ids = dict(rows)
    Prediction.objects.bulk_create(
        (
            Prediction(
                evaluation=evaluation,
                image_id=ids[one.golden.sha256],
                score=one.score,
                truth=one.golden.truth,
                patches=[asdict(patch) for patch in one.patches],
                route=one.route,
                reason=one.reason[:200],
            )
            for one in judgement.predictions
            # A picture that was erased since the freeze counts in the figures, and has no row to point to.
            if one.golden.sha256 in ids
        ),
        batch_size=1000,
    )
    return evaluation


def _predict(image: GoldenImage, artifact: Artifact, stored: Stored) -> GoldenPrediction:
    unrolled = [vector for vector in stored.vectors if vector.offset == 0]
    if not unrolled:
        route, reason = stored.located.route, stored.located.reason
        return GoldenPrediction(image, artifact.target_mean, False, (), route, reason)
    scores = artifact.regressor.predict(np.stack([one.vector for one in unrolled]))
    patches = tuple(
        PatchScore(stored.located.patches[one.patch].region, stored.located.patches[one.patch].box, float(score))
        for one, score in zip(unrolled, scores, strict=True)
    )
    severity = image_severity(scores, artifact.levels)
    return GoldenPrediction(image, severity, True, patches, stored.located.route, "")


def _figures(predictions: Sequence[GoldenPrediction], levels: Sequence[float]) -> dict[str, Any]:
    return asdict(
        evaluate(
            [one.score for one in predictions],
            [one.golden.truth for one in predictions],
            levels,
            [one.scored for one in predictions],
        )
    )
