"""The recipe from labelled features to a regressor: split by group, plan the rolls, fit, validate.

    plan = plan_training(examples, config)        which offsets each image is wanted at
    …                                             compute those that are missing, and add them to the examples
    trained = train(examples, config, plan=plan)

A backbone whose features do not feel rolls needs no middle step: `train(examples, config)` is all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore import rolling
from mlcore.evaluation import Evaluation, evaluate
from mlcore.records import PatchVector, Vectors
from mlcore.regressor import EpochReport, Regressor, RegressorConfig, fit
from mlcore.rolling import Rolls
from mlcore.splits import Split, validation_split

Floats = NDArray[np.float64]
MIN_TRAINABLE: Final = 2


class TrainingImpossible(ValueError):
    """These examples can't train a model; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled image: its target on the study's scale, and its features (none if it was refused).

    group: what must stay on one side of a split, such as a person or a cluster of near-duplicates.
    """

    sha256: str
    group: str
    target: float
    vectors: tuple[PatchVector, ...]

    @property
    def patches(self) -> int:
        return len({vector.patch for vector in self.vectors})


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How to train.

    levels: the scale's values, rising. seed: of the split. feels_rolls: as the backbone says. balance: see `rolling`;
    the publication's is 1, but a regressor that takes all classes for equally frequent errs towards the rare ones, and
    half-way had the lower RMSE in cross-validation.
    """

    levels: tuple[float, ...]
    regressor: RegressorConfig = field(default_factory=RegressorConfig)
    validation_fraction: float = 0.15
    feels_rolls: bool = False
    balance: float = 0.5
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """split: places among the examples. rolls: the offsets wanted of each example; those of validation are unrolled."""

    split: Split
    rolls: tuple[Rolls, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """target_mean: mean target of all examples, refused ones included; it stands in for a score where one is refused.

    validation: at image level, on the examples kept aside. history: every epoch's report. samples: rows trained on.
    """

    regressor: Regressor
    plan: TrainingPlan
    target_mean: float
    validation: Evaluation
    history: tuple[EpochReport, ...]
    samples: int


def plan_training(examples: Sequence[Example], config: TrainingConfig) -> TrainingPlan:
    """Split the examples by group and plan the rolls of the training side.

    Examples need at least the vectors of their unrolled patches. Raises TrainingImpossible for too few usable ones.
    """
    usable = [at for at, example in enumerate(examples) if example.vectors]
    if len(usable) < MIN_TRAINABLE:
        raise TrainingImpossible(
            f"Only {len(usable)} of {len(examples)} labelled images have skin patches; {MIN_TRAINABLE} are needed."
        )
    groups = [example.group for example in examples]
    try:
        inner = validation_split(
            [groups[at] for at in usable],
            config.validation_fraction,
            config.seed,
            [examples[at].target for at in usable],
        )
    except ValueError as error:
        raise TrainingImpossible(
            "All labelled images are of one person, so none can be kept for validation."
        ) from error
    # Refused images follow their group; those of a group without any patch go to the training side.
    aside_groups = {groups[usable[at]] for at in inner.validation}
    aside = tuple(at for at, group in enumerate(groups) if group in aside_groups)
    train_side = tuple(at for at, group in enumerate(groups) if group not in aside_groups)
    planned = rolling.plan(
        [examples[at].target for at in train_side],
        [examples[at].patches for at in train_side],
        config.levels,
        feels_rolls=config.feels_rolls,
        balance=config.balance,
    )
    rolls = dict(zip(train_side, planned, strict=True))
    unrolled = Rolls((0,), 1.0)
    return TrainingPlan(Split(train_side, aside), tuple(rolls.get(at, unrolled) for at in range(len(examples))))


def train(
    examples: Sequence[Example],
    config: TrainingConfig,
    on_progress: Callable[[EpochReport], None] | None = None,
    *,
    plan: TrainingPlan | None = None,
) -> Trained:
    """Fit a regressor to the patches of the training side, watching the images of the validation side.

    on_progress is told of every epoch and may raise to cancel. Offsets that the plan wants and that an example lacks
    are left out. Raises TrainingImpossible. The same examples and configuration give the same model on one machine.
    """
    plan = plan or plan_training(examples, config)
    x, y, w, _ = _rows(examples, plan.split.train, plan.rolls)
    x_val, y_val, _, image_of = _rows(examples, plan.split.validation, plan.rolls)
    history: list[EpochReport] = []

    def note(report: EpochReport) -> None:
        history.append(report)
        if on_progress is not None:
            on_progress(report)

    regressor = fit(x, y, w, x_val, y_val, config.regressor, note, image_of_val=image_of)
    target_mean = float(np.mean([example.target for example in examples]))
    return Trained(
        regressor=regressor,
        plan=plan,
        target_mean=target_mean,
        validation=assess(regressor, [examples[at] for at in plan.split.validation], config.levels, target_mean),
        history=tuple(history),
        samples=len(y),
    )


def assess(
    regressor: Regressor, examples: Sequence[Example], levels: Sequence[float], target_mean: float
) -> Evaluation:
    """Evaluate on labelled images; one without patches counts with the mean training target."""
    scores = predict_images(regressor, [example.vectors for example in examples], levels)
    predicted = [target_mean if score is None else score for score in scores]
    truth = [example.target for example in examples]
    return evaluate(predicted, truth, levels, [score is not None for score in scores])


def predict_images(
    regressor: Regressor, vectors: Sequence[Sequence[PatchVector]], levels: Sequence[float]
) -> list[float | None]:
    """Severity per image: the mean over its unrolled patches, clipped to the scale; None where there are none."""
    return [
        image_severity(regressor.predict(_stack(unrolled)), levels) if unrolled else None
        for unrolled in ([vector for vector in image if vector.offset == 0] for image in vectors)
    ]


def image_severity(patch_scores: Floats, levels: Sequence[float]) -> float:
    """The severity of an image from those of its patches, (n,) with n ≥ 1: their mean, clipped to the scale."""
    return float(np.clip(patch_scores.mean(), min(levels), max(levels)))


def _rows(
    examples: Sequence[Example], places: Sequence[int], rolls: Sequence[Rolls]
) -> tuple[Vectors, Floats, Floats, NDArray[np.int64]]:
    """Features, targets, weights and the image's place of every sample."""
    picked = [(vector, at) for at in places for vector in examples[at].vectors if vector.offset in rolls[at].offsets]
    if not picked:
        raise TrainingImpossible("One side of the split has no skin patches; more labelled images are needed.")
    image_of = np.array([at for _, at in picked], dtype=np.int64)
    targets = np.array([examples[at].target for _, at in picked], dtype=np.float64)
    weights = np.array([rolls[at].weight for _, at in picked], dtype=np.float64)
    return _stack([vector for vector, _ in picked]), targets, weights, image_of


def _stack(vectors: Sequence[PatchVector]) -> Vectors:
    return np.stack([vector.vector for vector in vectors]).astype(np.float32)


def history_json(history: Sequence[EpochReport]) -> list[Mapping[str, Any]]:
    """The history as plain numbers, for an artifact's metrics."""
    return [asdict(report) for report in history]
