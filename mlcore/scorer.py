"""From the bytes of a selfie to a severity, by a saved model. Load one per process and keep it."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlcore import artifact as artifacts
from mlcore.artifact import Artifact
from mlcore.extractor import Extractor
from mlcore.images import ImageRejected, decode
from mlcore.records import Box, Finder, Pixels, Region, Route
from mlcore.training import image_severity


@dataclass(frozen=True, slots=True)
class PatchScore:
    """score: severity of this patch alone, in units of the scale, not clipped to it."""

    region: Region
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Score:
    """severity: within the scale, or None where the picture is refused; then code and reason say why.

    width, height: of the upright picture in pixels, which the boxes refer to; 0 where it could not be decoded.
    """

    severity: float | None
    route: Route
    code: str
    reason: str
    width: int
    height: int
    patches: tuple[PatchScore, ...]


class Scorer:
    """Scores with one artifact: the same path as in training, bit for bit the same on one machine."""

    def __init__(self, artifact: Artifact, weights_dir: Path | None = None, *, finder: Finder | None = None) -> None:
        """Raises ExtractorMismatch or BackboneUnavailable where the artifact's features can't be made here."""
        self.artifact = artifact
        self._extractor = Extractor(artifact.extractor, weights_dir, finder=finder)

    @classmethod
    def load(cls, folder: Path, weights_dir: Path | None = None, *, finder: Finder | None = None) -> "Scorer":
        """Raises ArtifactError as well."""
        return cls(artifacts.load(folder), weights_dir, finder=finder)

    def score(self, data: bytes) -> Score:
        """Score the bytes of a picture file. Whatever is wrong with it ends as a refusal with its reason."""
        try:
            rgb = decode(data)
        except ImageRejected as error:
            return _refused(error.code, error.reason, 0, 0)
        return self.score_pixels(rgb)

    def score_pixels(self, rgb: Pixels) -> Score:
        """Score an upright RGB picture (height, width, 3)."""
        height, width = rgb.shape[:2]
        located = self._extractor.locate(rgb)
        if not located.patches:
            return _refused(located.code, located.reason, width, height)
        vectors = [one.vector for one in self._extractor.embed(rgb, located)]
        scores = self.artifact.regressor.predict(np.stack(vectors))
        severity = image_severity(scores, self.artifact.levels)
        if not math.isfinite(severity):
            return _refused("not_finite", "The model has no answer for this picture.", width, height)
        patches = tuple(
            PatchScore(patch.region, patch.box, float(score))
            for patch, score in zip(located.patches, scores, strict=True)
        )
        return Score(severity, located.route, "", "", width, height, patches)


def _refused(code: str, reason: str, width: int, height: int) -> Score:
    return Score(None, Route.REFUSED, code, reason, width, height, ())
