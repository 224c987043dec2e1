"""What this library makes of a set of pictures: features once, then any number of trainings on parts of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlcore.commands.experts import Looking, Picture, open_extractors
from mlcore.commands.progress import Progress
from mlcore.commands.train import expert_data
from mlcore.examples import Example, ExpertData
from mlcore.training import TrainingConfig, plan_training, train

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Backbones:
    """weights: the folder of their files. wanted: their names; none for all that the folder allows."""

    weights: Path | None
    wanted: tuple[str, ...] = ()


TEXTURE = Backbones(None, ("texture",))


@dataclass(frozen=True, slots=True)
class Scores:
    """severity: (images,), a refused one at the training mean. scored: (images,), whether the model scored it itself.
    validation_rmse: what training said of itself, in grades. parts: the weight of each model in the mix.
    """

    severity: Floats
    scored: NDArray[np.bool_]
    validation_rmse: float
    parts: dict[str, float]


def experts_of(
    pictures: Sequence[Picture],
    examples: Sequence[Example],
    backbones: Backbones,
    cache: Path,
    config: TrainingConfig,
) -> tuple[ExpertData, ...]:
    """What every extractor sees in each picture, as `python -m mlcore train` looks at them.

    pictures and examples are one for one. Kept under `cache`, so that a second run reads it.
    """
    told = Progress(sys.stdout)
    extractors = open_extractors(backbones.weights, told, backbones.wanted)
    looking = Looking(pictures, extractors, cache, told)
    seen = looking.look(config.plain_offsets)
    plan = plan_training([expert_data(one) for one in seen], examples, config)
    return tuple(expert_data(one) for one in looking.look_again(plan.offsets))


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
