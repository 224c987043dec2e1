"""What this library makes of a set of pictures: features once, then any number of trainings on parts of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.grades.progress import followed
from mlcore.examples import Example, ExpertData
from mlcore.extractor import Extractor
from mlcore.feature_store import FeatureStore
from mlcore.features import ensure
from mlcore.training import TrainingConfig, plan_training, train

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Picture:
    """`read` gives the file's bytes; it is asked only where features are missing."""

    sha256: str
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Scores:
    """severity: (images,), a refused one at the training mean. scored: (images,), whether the model scored it itself.
    validation_rmse: what training said of itself, in grades. parts: the weight of each model in the mix.
    """

    severity: Floats
    scored: NDArray[np.bool_]
    validation_rmse: float
    parts: dict[str, float]


def seen(
    pictures: Sequence[Picture],
    examples: Sequence[Example],
    extractors: Sequence[Extractor],
    store: Path,
    config: TrainingConfig,
) -> tuple[ExpertData, ...]:
    """What each extractor sees in each picture, at the offsets that a training on all of them would want.

    Kept under `store`, so that a second run reads it. pictures and examples are one for one.
    """
    plain = tuple(_expert(extractor, pictures, store, [(0,)] * len(pictures)) for extractor in extractors)
    offsets = plan_training(plain, examples, config).offsets
    return tuple(
        _expert(extractor, pictures, store, wanted) for extractor, wanted in zip(extractors, offsets, strict=True)
    )


def _expert(
    extractor: Extractor, pictures: Sequence[Picture], store: Path, offsets: Sequence[Sequence[int]]
) -> ExpertData:
    kept = FeatureStore(store, extractor.config.id)
    pairs = list(zip(pictures, offsets, strict=True))
    vectors = [
        ensure(kept, extractor, picture.sha256, picture.read, wanted or (0,)).vectors
        for picture, wanted in followed(pairs, f"{extractor.config.backbone} features of ours")
    ]
    return ExpertData(extractor.config, vectors, extractor.backbone.feels_rolls)


def part_of(experts: Sequence[ExpertData], places: Sequence[int]) -> tuple[ExpertData, ...]:
    """The same experts on some of the images, in this order."""
    return tuple(replace(expert, vectors=[expert.vectors[at] for at in places]) for expert in experts)


def learn_and_score(
    experts: Sequence[ExpertData],
    examples: Sequence[Example],
    learnt: Sequence[int],
    scored: Sequence[int],
    config: TrainingConfig,
) -> Scores:
    """Train on the images at `learnt` and score those at `scored`; examples and vectors are one for one."""
    trained = train(part_of(experts, learnt), [examples[at] for at in learnt], config)
    images = [{expert.extractor.id: expert.vectors[at] for expert in experts} for at in scored]
    given = [None if one is None else one.severity for one in trained.ensemble.predict(images)]
    mean = trained.ensemble.target_mean
    names = {expert.extractor.id: expert.extractor.backbone for expert in experts}
    return Scores(
        np.array([mean if one is None else one for one in given]),
        np.array([one is not None for one in given]),
        trained.validation.rmse or float("nan"),
        {f"{names[part.extractor_id]} {part.kind}": part.weight for part in trained.parts},
    )
