"""The recipe from labelled features to a regressor: split by group, plan the rolls, fit, validate.

With several members (the default), the examples are dealt into as many folds by group: each network keeps another fold
aside to know when to stop, so that every label trains all networks but one, and the validation figures are on all
labelled images, each scored by the one network that never saw its group.

    plan = plan_training(examples, config)        which offsets each image is wanted at
    …                                             compute those that are missing, and add them to the examples
    trained = train(examples, config, plan=plan)

A backbone whose features do not feel rolls needs no middle step: `train(examples, config)` is all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore import rolling
from mlcore.evaluation import Evaluation, evaluate
from mlcore.records import PatchVector, Vectors
from mlcore.regressor import EpochReport, Regressor, RegressorConfig, fit, joined
from mlcore.rolling import Rolls
from mlcore.splits import Split, folds, validation_split

Floats = NDArray[np.float64]
MIN_TRAINABLE: Final = 2
UNROLLED: Final = Rolls((0,), 1.0)
# Between the seeds of two members; no study's seeds lie that far apart.
MEMBER_SEEDS: Final = 7919


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

    levels: the scale's values, rising. validation_fraction: kept aside where the regressor has but one member; with
    more, each keeps its fold. seed: of the split. feels_rolls: as the backbone says. balance: see `rolling`;
    the publication's is 1, but a regressor that takes all classes for equally frequent errs towards the rare ones: in
    cross-validation on real and drawn faces the classes as they are had the lower RMSE, or as low a one.
    """

    levels: tuple[float, ...]
    regressor: RegressorConfig = field(default_factory=RegressorConfig)
    validation_fraction: float = 0.15
    feels_rolls: bool = False
    balance: float = 0.0
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """splits: of each member, places among the examples. rolls: the offsets wanted of each example for training; a
    validation side is unrolled."""

    splits: tuple[Split, ...]
    rolls: tuple[Rolls, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """target_mean: mean target of all examples, refused ones included; it stands in for a score where one is refused.

    validation: at image level, on the examples kept aside, each scored by the member that kept it. Slightly kind, as
    the same examples stopped that member. history: every epoch's report. samples: different rows trained on.
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
    sides = _sides([groups[at] for at in usable], [examples[at].target for at in usable], config)
    # Refused images follow their group; those of a group without any patch go to the training side.
    asides = [{groups[usable[at]] for at in side} for side in sides]
    splits = tuple(
        Split(
            tuple(at for at, group in enumerate(groups) if group not in aside),
            tuple(at for at, group in enumerate(groups) if group in aside),
        )
        for aside in asides
    )
    trained_on = _trained_on(splits)
    planned = rolling.plan(
        [examples[at].target for at in trained_on],
        [examples[at].patches for at in trained_on],
        config.levels,
        feels_rolls=config.feels_rolls,
        balance=config.balance,
    )
    rolls = dict(zip(trained_on, planned, strict=True))
    return TrainingPlan(splits, tuple(rolls.get(at, UNROLLED) for at in range(len(examples))))


def _trained_on(splits: Sequence[Split]) -> list[int]:
    return sorted({at for split in splits for at in split.train})


def _sides(groups: Sequence[str], targets: Sequence[float], config: TrainingConfig) -> list[tuple[int, ...]]:
    """The places that each member keeps aside: a fold each, or, for a single member, a share."""
    count = min(config.regressor.members, len(set(groups)))
    if len(set(groups)) < MIN_TRAINABLE:
        raise TrainingImpossible("All labelled images are of one person, so none can be kept for validation.")
    if count == 1:
        return [validation_split(groups, config.validation_fraction, config.seed, targets).validation]
    return [fold.validation for fold in folds(groups, count, config.seed)]


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
    history: list[EpochReport] = []
    members: list[Regressor] = []
    for number, split in enumerate(plan.splits):

        def note(report: EpochReport, number: int = number) -> None:
            history.append(replace(report, member=number, members=len(plan.splits)))
            if on_progress is not None:
                on_progress(history[-1])

        members.append(_fit_member(examples, plan, split, _member_config(config.regressor, number), note))
    return Trained(
        regressor=joined(members, config.regressor),
        plan=plan,
        target_mean=_mean_target(examples),
        validation=_validated(members, examples, plan, config.levels),
        history=tuple(history),
        samples=sum(len(_offsets(examples[at], plan.rolls[at].offsets)) for at in _trained_on(plan.splits)),
    )


def _member_config(config: RegressorConfig, number: int) -> RegressorConfig:
    return replace(config, members=1, seed=config.seed + MEMBER_SEEDS * number)


def _fit_member(
    examples: Sequence[Example],
    plan: TrainingPlan,
    split: Split,
    config: RegressorConfig,
    note: Callable[[EpochReport], None],
) -> Regressor:
    x, y, w, image_of = _rows(examples, split.train, plan.rolls)
    kept = dict.fromkeys(split.validation, UNROLLED)
    x_val, y_val, _, image_of_val = _rows(examples, split.validation, kept)
    return fit(x, y, w, x_val, y_val, config, note, image_of=image_of, image_of_val=image_of_val)


def _validated(
    members: Sequence[Regressor], examples: Sequence[Example], plan: TrainingPlan, levels: Sequence[float]
) -> Evaluation:
    """Every example that was kept aside, scored by its member; a refused one by the mean of that member's targets."""
    predicted: list[float] = []
    truth: list[float] = []
    scored: list[bool] = []
    for member, split in zip(members, plan.splits, strict=True):
        stand_in = _mean_target([examples[at] for at in split.train])
        for score, at in zip(
            predict_images(member, [examples[at].vectors for at in split.validation], levels),
            split.validation,
            strict=True,
        ):
            predicted.append(stand_in if score is None else score)
            scored.append(score is not None)
            truth.append(examples[at].target)
    return evaluate(predicted, truth, levels, scored)


def _mean_target(examples: Sequence[Example]) -> float:
    return float(np.mean([example.target for example in examples]))


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


def _offsets(example: Example, wanted: Sequence[int]) -> list[PatchVector]:
    return [vector for vector in example.vectors if vector.offset in wanted]


def _rows(
    examples: Sequence[Example], places: Sequence[int], rolls: Mapping[int, Rolls] | Sequence[Rolls]
) -> tuple[Vectors, Floats, Floats, NDArray[np.int64]]:
    """Features, targets, weights and the image of every sample; an image rolled otherwise is another image."""
    picked = [(vector, at) for at in places for vector in _offsets(examples[at], rolls[at].offsets)]
    if not picked:
        raise TrainingImpossible("One side of the split has no skin patches; more labelled images are needed.")
    image_of = np.array([at * rolling.STEPS + vector.offset for vector, at in picked], dtype=np.int64)
    targets = np.array([examples[at].target for _, at in picked], dtype=np.float64)
    weights = np.array([rolls[at].weight for _, at in picked], dtype=np.float64)
    return _stack([vector for vector, _ in picked]), targets, weights, image_of


def _stack(vectors: Sequence[PatchVector]) -> Vectors:
    return np.stack([vector.vector for vector in vectors]).astype(np.float32)


def history_json(history: Sequence[EpochReport]) -> list[Mapping[str, Any]]:
    """The history as plain numbers, for an artifact's metrics."""
    return [asdict(report) for report in history]
