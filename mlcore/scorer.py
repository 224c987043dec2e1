"""From the bytes of a selfie to a severity, by a saved model. Load one per process and keep it."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlcore import artifact as artifacts
from mlcore.artifact import Artifact, weights_beside
from mlcore.ensemble import ImageScore
from mlcore.extractor import Extractor, ExtractorMismatch, Squares
from mlcore.faces import FaceFinder
from mlcore.images import ImageRejected, decode
from mlcore.quality import Shortcoming, measure, shortcomings
from mlcore.records import Box, Finder, Located, PatchVector, Pixels, Region, Route

logger = logging.getLogger(__name__)

NOT_FINITE = ("not_finite", "The model has no answer for this picture.")


@dataclass(frozen=True, slots=True)
class PatchScore:
    """score: severity of this patch alone, in units of the scale, not clipped to it.

    weight: its share in the image's severity, 0 … 1; an image's weights sum to 1.
    """

    region: Region
    box: Box
    score: float
    weight: float


@dataclass(frozen=True, slots=True)
class Score:
    """severity: within the scale, or None where the picture is refused; then code and reason say why.

    Where it is not refused, code and reason may still hold warnings: of several faces, and of the picture's quality
    (`mlcore.quality.Fault`); code is the first one's. Both are empty otherwise.
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
        configs = artifact.ensemble.extractors
        if len({(config.geometry, config.detector) for config in configs}) > 1:
            raise ExtractorMismatch("the extractors of one artifact must cut patches alike")
        # One finder, as its models are large, and one look for the face: the extractors differ in what comes after.
        finder = finder or FaceFinder()
        self._extractors = [Extractor(config, weights_dir, finder=finder) for config in configs]

    @classmethod
    def load(cls, folder: Path, weights_dir: Path | None = None, *, finder: Finder | None = None) -> "Scorer":
        """Backbones that lie in the artifact are taken from there. Raises ArtifactError as well."""
        return cls(artifacts.load(folder), weights_beside(folder, weights_dir), finder=finder)

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
        located = self._extractors[0].locate(rgb)
        if not located.patches:
            return _refused(located.code, located.reason, width, height)
        score = self.score_vectors(located, self._vectors(rgb, located), width, height)
        return score if score.severity is None else _with_warnings(score, shortcomings(measure(rgb), _eyes(located)))

    def score_vectors(
        self, located: Located, vectors: Mapping[str, Sequence[PatchVector]], width: int, height: int
    ) -> Score:
        """Score a picture whose features are there already, by extractor id: the same as from its pixels."""
        if not located.patches:
            return _refused(located.code, located.reason, width, height)
        found = self.artifact.ensemble.predict([vectors])[0]
        if found is None or not _is_finite(found):
            logger.warning("the model has no finite answer for a picture of %d × %d pixels", width, height)
            return _refused(*NOT_FINITE, width, height)
        patches = tuple(
            PatchScore(located.patches[one.patch].region, located.patches[one.patch].box, one.score, one.weight)
            for one in found.patches
        )
        code, reason = several_faces(located)
        return Score(found.severity, located.route, code, reason, width, height, patches)

    def _vectors(self, rgb: Pixels, located: Located) -> dict[str, tuple[PatchVector, ...]]:
        """One batch for each extractor, of every patch at the offsets that the ensemble looks at."""
        found = {}
        squares: Squares = {}
        for extractor in self._extractors:
            wanted = extractor.pairs(located.patches, self.artifact.ensemble.offsets(extractor.config.id))
            found[extractor.config.id] = extractor.embed_at(rgb, located.patches, wanted, squares)
        return found


def several_faces(located: Located) -> tuple[str, str]:
    """The warning that goes with a picture of several faces; empty for one or none."""
    if located.faces <= 1:
        return "", ""
    return "several_faces", f"{located.faces} faces are in the picture; the largest was scored."


def _eyes(located: Located) -> float | None:
    """The distance between the eyes in pixels; None where not both were seen, as it is then only estimated."""
    return located.eye_distance if located.route is Route.ALIGNED else None


def _with_warnings(score: Score, faults: Sequence[Shortcoming]) -> Score:
    """The same score, with what is wrong with the picture behind what is said already."""
    if not faults:
        return score
    told = "; ".join(fault.reason for fault in faults)
    reason = f"The picture is of poor quality: {told}."
    return replace(score, code=score.code or str(faults[0].limit.fault), reason=f"{score.reason} {reason}".strip())


def _is_finite(found: ImageScore) -> bool:
    return math.isfinite(found.severity) and bool(np.isfinite([(one.score, one.weight) for one in found.patches]).all())


def _refused(code: str, reason: str, width: int, height: int) -> Score:
    return Score(None, Route.REFUSED, code, reason, width, height, ())
