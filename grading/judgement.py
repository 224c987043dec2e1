"""A trained model before the golden set: every golden image counts, also one that the model refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from grading.datasets import GoldenImage, Manifest
from grading.features import Features
from grading.gate import Gate, verdict
from grading.models import Evaluation, Prediction, TrainingRun
from labeler.models import Image
from mlcore.artifact import Artifact
from mlcore.evaluation import evaluate
from mlcore.scorer import PatchScore


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


def judge(manifest: Manifest, gate: Gate, artifact: Artifact, found: Features) -> Judgement:
    """Score every golden image and hold the figures against the gate."""
    predictions = tuple(_predict(image, artifact, found) for image in manifest.golden)
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


def _predict(image: GoldenImage, artifact: Artifact, found: Features) -> GoldenPrediction:
    seen = {extractor: records[image.sha256] for extractor, records in found.items()}
    vectors = {extractor: record.vectors for extractor, record in seen.items()}
    # All extractors cut the same patches.
    located = next(iter(seen.values())).located
    (score,) = artifact.ensemble.predict([vectors])
    if score is None:
        return GoldenPrediction(image, artifact.target_mean, False, (), located.route, located.reason)
    patches = tuple(
        PatchScore(located.patches[one.patch].region, located.patches[one.patch].box, one.score, one.weight)
        for one in score.patches
    )
    return GoldenPrediction(image, score.severity, True, patches, located.route, "")


def _figures(predictions: Sequence[GoldenPrediction], levels: Sequence[float]) -> dict[str, Any]:
    return asdict(
        evaluate(
            [one.score for one in predictions],
            [one.golden.truth for one in predictions],
            levels,
            [one.scored for one in predictions],
        )
    )
