"""The published recipe on a set of pictures: trained on some, judged on others that it never saw."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.grades.cache import Cache
from bench.grades.progress import followed
from bench.recipe.features import Features, PublishedFeatures, Rows
from bench.recipe.model import fit
from bench.recipe.rolling import roll_times
from mlcore.commands.experts import Picture
from mlcore.evaluation import levels_of
from mlcore.faces import FaceFinder
from mlcore.images import decode
from mlcore.records import Backbone

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PublishedScores:
    """severity: (images,) as published, not clipped. validation_rmse: on rows of faces that were trained on too, which
    is what was reported."""

    severity: Floats
    validation_rmse: float


class PublishedRecipe:
    """The recipe with one backbone, on one scale."""

    def __init__(self, backbone: Backbone, cache: Cache, levels: Sequence[float]) -> None:
        self._features = PublishedFeatures(backbone, FaceFinder(published=True), cache)
        self._levels = levels
        # Classical features differ a thousandfold in size.
        self._scaled = backbone.name == "texture"

    def learn_and_score(
        self, learnt: Sequence[Picture], targets: Sequence[float], scored: Sequence[Picture], seeds: Sequence[int]
    ) -> list[PublishedScores]:
        """Train on the pictures learnt and their targets (one for one), and score the others; for each of the seeds."""
        classes: list[int] = levels_of(targets, self._levels).tolist()
        times = roll_times(classes)
        rows = [
            self.features(picture, times[of]).rows
            for picture, of in followed(list(zip(learnt, classes, strict=True)), "the published recipe's features")
        ]
        strangers = [self.features(picture, 0).as_it_is for picture in followed(scored, "the same, to be judged on")]
        lesson = _Lesson(rows, targets, classes, strangers, self._scaled)
        if len(seeds) == 1:
            return [lesson.taught(seeds[0])]
        with ProcessPoolExecutor(os.cpu_count(), get_context("spawn")) as processes:
            return list(followed(processes.map(lesson.taught_on_one_core, seeds), "the published recipe's fits"))

    def features(self, picture: Picture, times: int) -> Features:
        return self._features.of(picture.sha256, lambda: decode(picture.path.read_bytes()), times)


@dataclass(frozen=True, slots=True)
class _Lesson:
    """rows: (patches, rolls + 1, dim) of each picture learnt. strangers: (patches, dim) of each to be scored."""

    rows: Sequence[Rows]
    targets: Sequence[float]
    classes: Sequence[int]
    strangers: Sequence[Rows]
    scaled: bool

    def taught(self, seed: int) -> PublishedScores:
        model = fit(self.rows, self.targets, self.classes, seed, scaled=self.scaled)
        return PublishedScores(np.array([model.score(patches) for patches in self.strangers]), model.validation_rmse)

    def taught_on_one_core(self, seed: int) -> PublishedScores:
        """For as many at a time as there are cores: then one thread each is the fastest."""
        with threadpool_limits(1):
            return self.taught(seed)


def constant(targets: Sequence[float], images: int) -> Floats:
    """What knowing nothing of a picture gives: the training targets' mean for each."""
    return np.full(images, float(np.mean(targets)))
