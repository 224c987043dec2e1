"""The models that this process has loaded. Imports torch, so only the scoring process may import this module."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.conf import settings

from grading.models import TrainingRun
from mlcore import artifact as artifacts
from mlcore.artifact import FACTS_FILE, ArtifactError
from mlcore.backbones import BackboneUnavailable
from mlcore.evaluation import levels_of
from mlcore.extractor import ExtractorMismatch
from mlcore.faces import FaceFinder, FaceModelMissing
from mlcore.images import MIN_SIDE
from mlcore.scorer import Score, Scorer

logger = logging.getLogger(__name__)

# Models kept at once, one a study: a process that serves more studies loads the least used again when asked.
KEPT = 4


class ModelUnavailable(RuntimeError):
    """A promoted run whose artifact can't be loaded here; the message says why."""


@dataclass(frozen=True, slots=True)
class ScaleLevel:
    value: float
    name: str


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A run ready to score, and what its answers are signed with.

    artifact: sha256 of the artifact's facts file, which holds the sha256 of the model's tensors. extractors: ids of
    what makes the features that it looks at. scale: rising.
    """

    run_id: int
    number: int
    study: str
    artifact: str
    extractors: tuple[str, ...]
    scale: tuple[ScaleLevel, ...]
    scorer: Scorer

    def level_of(self, severity: float) -> ScaleLevel:
        """The nearest level; a severity midway between two belongs to the higher, as in every evaluation."""
        return self.scale[int(levels_of([severity], [level.value for level in self.scale])[0])]


class LoadedRuns:
    """Loads each promoted run once, and forgets a study's former one. Safe to share between threads.

    One picture is scored at a time: the detectors are not made for several threads, and torch uses the cores itself.
    """

    def __init__(self, finder: FaceFinder | None = None) -> None:
        """finder: one for all models, as its landmark model alone takes 100 MB; made where none is given."""
        self._lock = threading.Lock()
        self._finder = finder or FaceFinder()
        self._by_study: OrderedDict[int, LoadedRun] = OrderedDict()

    def score(self, run: TrainingRun, data: bytes) -> tuple[LoadedRun, Score]:
        """Score the bytes of a picture file with `run`. Raises ModelUnavailable."""
        with self._lock:
            loaded = self._get(run)
            return loaded, loaded.scorer.score(data)

    def warm(self, run: TrainingRun) -> None:
        """Have `run` loaded. Raises ModelUnavailable."""
        with self._lock:
            self._get(run)

    def _get(self, run: TrainingRun) -> LoadedRun:
        loaded = self._by_study.get(run.study_id)
        if loaded is None or loaded.run_id != run.pk:
            loaded = load(run, self._finder)
            self._by_study[run.study_id] = loaded
            logger.info("loaded run %s of study %s, artifact %s", run.number, run.study_id, loaded.artifact[:12])
        self._by_study.move_to_end(run.study_id)
        while len(self._by_study) > KEPT:
            self._by_study.popitem(last=False)
        return loaded


def load(run: TrainingRun, finder: FaceFinder) -> LoadedRun:
    """Load a run's artifact and try it on a blank picture, which loads the face models. Raises ModelUnavailable."""
    folder = Path(settings.GOLDFOLD_HOME) / run.artifact
    try:
        scorer = Scorer(artifacts.load(folder), settings.BACKBONE_WEIGHTS_DIR, finder=finder)
        scorer.score_pixels(np.zeros((MIN_SIDE, MIN_SIDE, 3), dtype=np.uint8))
        facts = (folder / FACTS_FILE).read_bytes()
    except (ArtifactError, ExtractorMismatch, BackboneUnavailable, FaceModelMissing, OSError) as error:
        logger.error("run %s of study %s can't be loaded: %s", run.number, run.study_id, error)
        raise ModelUnavailable(str(error)) from error
    names = dict(run.study.levels.values_list("value", "name"))
    return LoadedRun(
        run_id=run.pk,
        number=run.number,
        study=run.study.name,
        artifact=hashlib.sha256(facts).hexdigest(),
        extractors=tuple(one.id for one in scorer.artifact.ensemble.extractors),
        scale=tuple(ScaleLevel(value, names.get(value, f"{value:g}")) for value in scorer.artifact.levels),
        scorer=scorer,
    )
