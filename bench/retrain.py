"""Training again after 50 new labels among 5,000 images: only what is new is computed, and old features are read once.

The backbone costs next to nothing and is told where the face is, so that nothing but reading and fitting takes time;
its inputs are counted. Time is the clock's.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.bars import Bar, at_most, yardstick
from bench.vision.pictures import Glance, KnownFace, Selfie, multiplied, selfies
from mlcore.examples import Example, ExpertData
from mlcore.extractor import Extractor, configure
from mlcore.faces import FaceFinder
from mlcore.feature_store import FeatureStore, Stored
from mlcore.features import Shelf, completed, stream
from mlcore.images import decode
from mlcore.training import TrainingConfig, TrainingPlan, plan_training, train

IMAGES, NEW = 5_000, 50
LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
BLOCKS = (64, 192)
# Classes as uneven as a study's, so that there is something to balance.
SHARES = (0.1, 0.35, 0.35, 0.15, 0.05)
SEED = 2018
# Records of this size that one core of a Zen 4 reads in a second.
READ_RATE = 1_500.0
# A clock's noise; nothing else is allowed for.
NOISE = 1.05


def run(quick: bool) -> list[Bar]:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        return list(_retrained(IMAGES // 10 if quick else IMAGES, NEW // 10 if quick else NEW, Path(folder)))


def _retrained(images: int, new: int, place: Path) -> Iterator[Bar]:
    drawn = selfies(6)
    face = FaceFinder().frontal(decode(drawn[0].data()))
    assert face is not None
    glance = Glance(BLOCKS)
    extractor = Extractor(configure(glance), backbone=glance, finder=KnownFace(face))
    study = _Study(Shelf(extractor, FeatureStore(place, extractor.config.id)), multiplied(drawn, images + new))
    study.retrain(images)
    first = glance.seen
    start = time.perf_counter()
    study.retrain(images + new)
    again, seconds = glance.seen - first, time.perf_counter() - start
    reading, fitting = study.bare(images + new)
    print(
        f"{first} inputs at first, {again} after {new} labels; {seconds:.1f} s, read {reading:.1f}, fit {fitting:.1f}"
    )
    yield at_most(f"inputs of the backbone after {new} new labels over those of the first run", again / first, 0.02)
    yield at_most("time of the second run over reading the features and one fit", seconds / (reading + fitting), NOISE)
    yield yardstick("features read from the store", (images + new) / reading, READ_RATE, "images/s")


@dataclass(frozen=True, slots=True)
class _Study:
    shelf: Shelf
    pictures: Sequence[Selfie]

    def retrain(self, labelled: int) -> None:
        """As a study does it: what is known, what the plan lacks, and the fit."""
        pictures = self.pictures[:labelled]
        known = list(stream([self.shelf], [one.source(((0,),)) for one in pictures]))
        examples, plan = self._plan([record for (record,) in known])
        (offsets,) = plan.offsets
        wanted = [one.source((each,)) for one, each in zip(pictures, offsets, strict=True)]
        grown = completed([self.shelf], wanted, known)
        self._train([record for (record,) in grown], examples, plan)

    def bare(self, labelled: int) -> tuple[float, float]:
        """Seconds of reading the same records one by one, and of fitting to them."""
        start = time.perf_counter()
        found = [self.shelf.store.get(one.source().sha256) for one in self.pictures[:labelled]]
        reading = time.perf_counter() - start
        records = [record for record in found if record is not None]
        examples, plan = self._plan(records)
        start = time.perf_counter()
        self._train(records, examples, plan)
        return reading, time.perf_counter() - start

    def _plan(self, records: Sequence[Stored]) -> tuple[list[Example], TrainingPlan]:
        draw = np.random.default_rng(SEED)
        targets = draw.choice(LEVELS, len(self.pictures), p=SHARES) + draw.normal(0, 0.2, len(self.pictures))
        examples = [Example(f"{at:064x}", str(at), float(targets[at])) for at in range(len(records))]
        return examples, plan_training([self._expert(records)], examples, _config())

    def _train(self, records: Sequence[Stored], examples: Sequence[Example], plan: TrainingPlan) -> None:
        train([self._expert(records)], examples, _config(), plan=plan)

    def _expert(self, records: Sequence[Stored]) -> ExpertData:
        vectors = [record.vectors for record in records]
        return ExpertData(self.shelf.extractor.config, vectors, feels_rolls=True, blocks=BLOCKS)


def _config() -> TrainingConfig:
    """As a study trains by default."""
    return TrainingConfig(LEVELS)
