"""From labelled features to an ensemble: shared folds by group, every part fitted and tried on strangers, then stacked.

    plan = plan_training(experts, examples, config)     which offsets each extractor is wanted at, of each image
    …                                                   compute those that are missing, and add them to the experts
    trained = train(experts, examples, config, plan=plan)

Where no expert feels rolls, and none of its models looks at mirror images, `train(experts, examples, config)` is all.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mlcore import kernel, ridge, rolling
from mlcore.ensemble import MOST_PARTS, Ensemble, Part, stacked, without_idle
from mlcore.evaluation import Evaluation, evaluate
from mlcore.examples import Example, ExpertData
from mlcore.kernel import Kernel, KernelConfig
from mlcore.networks import fit_network
from mlcore.penalised import Fitted
from mlcore.raters import RaterModel, estimate
from mlcore.records import PatchVector
from mlcore.regressor import EpochReport, RegressorConfig
from mlcore.ridge import Ridge, RidgeConfig
from mlcore.rolling import Rolls
from mlcore.splits import folds
from mlcore.views import Model

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
MIN_TRAINABLE: Final = 2
MIN_RATERS: Final = 2
MODELS: Final = ("ridge", "kernel", "network")
# Beside these two, which take seconds, the published network takes many minutes, and adds next to nothing.
USUAL: Final = ("ridge", "kernel")


class TrainingImpossible(ValueError):
    """These examples can't train a model; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """How to train.

    levels: the scale's values, rising. models: kinds of model that each expert gets, of `MODELS`. folds:
    parts the examples are dealt into by group; each is predicted by models that never saw it. balance: see `rolling`;
    the publication's is 1, but a regressor that takes all classes for equally frequent errs towards the rare ones: in
    cross-validation on real and drawn faces the classes as they are had the lower RMSE, or as low a one.
    rolls: train networks on rolled patches too, where the backbone feels them. correct_raters: estimate each rater's
    bias and noise where ratings are given, and allow for them. seed: of the folds; the networks' is in `regressor`.
    """

    levels: tuple[float, ...]
    models: tuple[str, ...] = USUAL
    folds: int = 5
    regressor: RegressorConfig = field(default_factory=RegressorConfig)
    ridge: RidgeConfig = field(default_factory=RidgeConfig)
    kernel: KernelConfig = field(default_factory=KernelConfig)
    balance: float = 0.0
    rolls: bool = True
    correct_raters: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.models or not set(self.models) <= set(MODELS):
            raise ValueError(f"models are some of {', '.join(MODELS)}, not {', '.join(self.models) or 'none'}")

    @property
    def plain_offsets(self) -> tuple[int, ...]:
        """Those at which every patch is wanted, whatever is rolled: as the models look when they score; rising."""
        configs: dict[str, RidgeConfig | KernelConfig | RegressorConfig]
        configs = {"ridge": self.ridge, "kernel": self.kernel, "network": self.regressor}
        return tuple(sorted({0, *(offset for kind in self.models for offset in configs[kind].offsets)}))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """fold_of: of each example, 0 … folds - 1; a group is in one fold. rolls: per expert, of each example, what it is
    trained on. offsets: per expert, of each example, all that is wanted of it, rising; () of a refused one."""

    fold_of: tuple[int, ...]
    rolls: tuple[tuple[Rolls, ...], ...]
    offsets: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass(frozen=True, slots=True)
class PartReport:
    """One candidate. rmse: of its predictions of strangers, within the scale. weight: what they earned it; 0 = left
    out."""

    extractor_id: str
    kind: str
    rmse: float
    weight: float


@dataclass(frozen=True, slots=True)
class Trained:
    """validation: of every example, predicted by models, and stacked by weights, that were fitted without its fold; a
    refused one by the mean target of the other folds. Two things are estimated once, from all examples: each rater's
    bias and noise, and the features' centre and scale; on photographs, both together moved this by at most 0.002 of a
    level. A fold is predicted by one network, a new image by the mean of all, so this is rather unkind to networks.
    For a figure to publish, train on some folds and score the others (`mlcore evaluate --folds`). history: every
    epoch's report. samples: rows that the networks were trained on, rolled. raters: None where ratings were not given
    or not to be corrected.
    """

    ensemble: Ensemble
    plan: TrainingPlan
    validation: Evaluation
    parts: tuple[PartReport, ...]
    history: tuple[EpochReport, ...]
    samples: int
    raters: RaterModel | None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """out_of_fold: (examples,) predictions of strangers; NaN where the expert has nothing to look at."""

    expert: ExpertData
    model: Model
    out_of_fold: Floats


def check_candidates(experts: int, config: TrainingConfig) -> None:
    """Raises TrainingImpossible where so many experts make more models than can be weighed against each other."""
    count = experts * len(config.models)
    if count > MOST_PARTS:
        raise TrainingImpossible(
            f"{experts} backbones with {len(config.models)} kinds of model each make {count} models; at most "
            f"{MOST_PARTS} can be weighed against each other. Choose fewer backbones."
        )


def plan_training(experts: Sequence[ExpertData], examples: Sequence[Example], config: TrainingConfig) -> TrainingPlan:
    """Deal the examples into folds by group, and plan the rolls.

    Experts need at least the unrolled vectors. Raises TrainingImpossible for too few usable examples or too many
    experts, and ValueError where an expert's vectors are not one for one with the examples.
    """
    check_candidates(len(experts), config)
    for expert in experts:
        if len(expert.vectors) != len(examples):
            raise ValueError(f"{len(expert.vectors)} images of {expert.extractor.id} for {len(examples)} examples")
    usable = sum(any(expert.vectors[at] for expert in experts) for at in range(len(examples)))
    if usable < MIN_TRAINABLE:
        raise TrainingImpossible(
            f"Only {usable} of {len(examples)} labelled images have skin patches; {MIN_TRAINABLE} are needed."
        )
    fold_of = _fold_of(experts, examples, config)
    rolls = tuple(_rolls(expert, examples, config) for expert in experts)
    offsets = tuple(
        tuple(tuple(sorted({*one.offsets, *config.plain_offsets})) if one.offsets else () for one in of_expert)
        for of_expert in rolls
    )
    return TrainingPlan(fold_of, rolls, offsets)


def _fold_of(experts: Sequence[ExpertData], examples: Sequence[Example], config: TrainingConfig) -> tuple[int, ...]:
    # Groups with something to look at are dealt evenly; refused images follow their group, or join the first fold.
    seen = [at for at in range(len(examples)) if any(expert.vectors[at] for expert in experts)]
    groups = [examples[at].group for at in seen]
    if len(set(groups)) < MIN_TRAINABLE:
        raise TrainingImpossible("All labelled images are of one person, so none can be kept for validation.")
    dealt = folds(groups, min(max(2, config.folds), len(set(groups))), config.seed)
    fold_by_group = {groups[at]: number for number, split in enumerate(dealt) for at in split.validation}
    return tuple(fold_by_group.get(example.group, 0) for example in examples)


def _rolls(expert: ExpertData, examples: Sequence[Example], config: TrainingConfig) -> tuple[Rolls, ...]:
    return rolling.plan(
        [example.target for example in examples],
        [len({vector.patch for vector in vectors}) for vectors in expert.vectors],
        config.levels,
        feels_rolls=expert.feels_rolls and config.rolls and "network" in config.models,
        balance=config.balance,
    )


def train(
    experts: Sequence[ExpertData],
    examples: Sequence[Example],
    config: TrainingConfig,
    on_progress: Callable[[EpochReport], None] | None = None,
    *,
    plan: TrainingPlan | None = None,
) -> Trained:
    """Fit every kind of model to every expert, and stack them.

    on_progress is told of every epoch of every network, and may raise to cancel. Offsets that the plan wants and that
    an expert lacks are done without. Raises TrainingImpossible. The same input gives the same ensemble on one machine.
    """
    plan = plan or plan_training(experts, examples, config)
    return Training(experts, examples, config, plan, on_progress).run()


class Training:
    """One call of `train`, step by step."""

    def __init__(
        self,
        experts: Sequence[ExpertData],
        examples: Sequence[Example],
        config: TrainingConfig,
        plan: TrainingPlan,
        on_progress: Callable[[EpochReport], None] | None,
    ) -> None:
        self._experts, self._examples, self._config, self._plan = experts, examples, config, plan
        self._told = on_progress
        self._truth = np.array([example.target for example in examples], dtype=np.float64)
        self._fold_of = np.array(plan.fold_of, dtype=np.int64)
        self._targets, self._weights = self._truth, np.ones(len(examples))
        self._history: list[EpochReport] = []
        self._samples = 0

    def run(self) -> Trained:
        raters = self._correct_raters()
        candidates = self._candidates()
        if not candidates:
            raise TrainingImpossible("Too few labelled images have skin patches to train on some and try on others.")
        predictions = np.stack([one.out_of_fold for one in candidates], axis=1)
        weights = self._stacked(predictions, np.ones(len(self._truth), dtype=bool))
        parts = [
            Part(one.expert.extractor, one.model, float(weight))
            for one, weight in zip(candidates, weights, strict=True)
            if weight > 0
        ]
        return Trained(
            ensemble=Ensemble(parts, self._config.levels, float(self._truth.mean())),
            plan=self._plan,
            validation=self.validated(predictions),
            parts=tuple(
                PartReport(one.expert.extractor.id, one.model.kind, self._rmse(one.out_of_fold), float(weight))
                for one, weight in zip(candidates, weights, strict=True)
            ),
            history=tuple(self._history),
            samples=self._samples,
            raters=raters,
        )

    def _correct_raters(self) -> RaterModel | None:
        """Put targets and weights in the place of the plain means, where the ratings allow it."""
        rated = [at for at, example in enumerate(self._examples) if example.ratings]
        names = {rating.rater for example in self._examples for rating in example.ratings}
        if not self._config.correct_raters or len(rated) < len(self._examples) or len(names) < MIN_RATERS:
            return None
        first = [one for one in map(self._ridge, self._experts) if one is not None]
        if not first:
            return None
        predicted = self._mixed(np.stack([one.out_of_fold for one in first], axis=1), np.ones(len(first)))
        predicted = np.where(np.isfinite(predicted), predicted, self._truth.mean())
        model = estimate([example.ratings for example in self._examples], predicted)
        corrected = np.array([model.target(example.ratings) for example in self._examples])
        self._targets, self._weights = corrected[:, 0], corrected[:, 1] / corrected[:, 1].mean()
        return model

    def _candidates(self) -> list[_Candidate]:
        made: list[_Candidate | None] = []
        for number, expert in enumerate(self._experts):
            if "ridge" in self._config.models:
                made.append(self._ridge(expert))
            if "kernel" in self._config.models:
                made.append(self._kernel(expert))
            if "network" in self._config.models:
                made.append(self._network(number, expert))
        return [one for one in made if one is not None]

    def _ridge(self, expert: ExpertData) -> _Candidate | None:
        return self._closed(expert, lambda x, y, w, fold: ridge.fit(x, y, w, fold, expert.blocks, self._config.ridge))

    def _kernel(self, expert: ExpertData) -> _Candidate | None:
        return self._closed(expert, lambda x, y, w, fold: kernel.fit(x, y, w, fold, expert.blocks, self._config.kernel))

    def _closed(self, expert: ExpertData, fit: Callable[..., Fitted[Ridge] | Fitted[Kernel]]) -> _Candidate | None:
        seen = self._seen(expert)
        if seen is None:
            return None
        fitted = fit(*self._data(expert, seen))
        return _Candidate(expert, fitted.model, self._spread_out(seen, fitted.out_of_fold))

    def _data(self, expert: ExpertData, seen: Places) -> tuple[list[Sequence[PatchVector]], Floats, Floats, Places]:
        """What every kind of model is fitted to: vectors, targets, weights and folds of the images seen."""
        vectors = [expert.vectors[at] for at in seen]
        return vectors, self._targets[seen], self._weights[seen], self._fold_of[seen]

    def _network(self, number: int, expert: ExpertData) -> _Candidate | None:
        seen = self._seen(expert)
        if seen is None:
            return None
        rolls = [self._plan.rolls[number][at] for at in seen]
        fitted = fit_network(
            *self._data(expert, seen),
            rolls,
            self._config.regressor,
            lambda report: self._note(report, number),
        )
        self._samples += fitted.samples
        return _Candidate(expert, fitted.model, self._spread_out(seen, fitted.out_of_fold))

    def _seen(self, expert: ExpertData) -> Places | None:
        """The examples that the expert has vectors of; None where they are not in two folds at least."""
        seen = np.array([at for at, vectors in enumerate(expert.vectors) if vectors], dtype=np.int64)
        return seen if len(set(self._fold_of[seen].tolist())) >= MIN_TRAINABLE else None

    def _note(self, report: EpochReport, expert: int) -> None:
        first, total = expert * report.members, len(self._experts) * report.members
        self._history.append(replace(report, member=first + report.member, members=total))
        if self._told is not None:
            self._told(self._history[-1])

    def _spread_out(self, seen: Places, predicted: Floats) -> Floats:
        everywhere = np.full(len(self._examples), np.nan)
        everywhere[seen] = predicted
        return everywhere

    def _rmse(self, predicted: Floats) -> float:
        known = np.isfinite(predicted)
        clipped = np.clip(predicted[known], min(self._config.levels), max(self._config.levels))
        return float(np.sqrt(np.mean((clipped - self._truth[known]) ** 2)))

    def _stacked(self, predictions: Floats, rows: NDArray[np.bool_]) -> Floats:
        """Weights of the candidates, by the images among `rows` that at least one of them has a view of."""
        rows = rows & np.isfinite(predictions).any(axis=1)
        filled = predictions[rows]
        # What one candidate can't see, the ensemble leaves to the others.
        filled = np.where(np.isfinite(filled), filled, np.nanmean(filled, axis=1, keepdims=True))
        return without_idle(stacked(filled, self._truth[rows]))

    def _mixed(self, predictions: Floats, weights: Floats) -> Floats:
        """As an ensemble of these weights would; NaN where none of its parts has a view."""
        shares = np.isfinite(predictions) * weights
        total = shares.sum(axis=1)
        mixed: Floats = (np.nan_to_num(predictions) * shares).sum(axis=1) / np.where(total > 0, total, np.nan)
        return mixed

    def validated(self, predictions: Floats) -> Evaluation:
        """Judge (examples, candidates) predictions of strangers, NaN where there is nothing to look at, each fold
        mixed by the weights that the other folds earned them."""
        low, high = min(self._config.levels), max(self._config.levels)
        guessed = np.zeros(len(self._truth))
        scored = np.zeros(len(self._truth), dtype=bool)
        for fold in sorted(set(self._fold_of.tolist())):
            own = self._fold_of == fold
            mixed = self._mixed(predictions[own], self._stacked(predictions, ~own))
            scored[own] = np.isfinite(mixed)
            guessed[own] = np.where(scored[own], np.clip(mixed, low, high), self._truth[~own].mean())
        return evaluate(guessed, self._truth, self._config.levels, scored.tolist())


def history_json(history: Sequence[EpochReport]) -> list[dict[str, Any]]:
    """The history as plain numbers, for an artifact's metrics."""
    return [asdict(report) for report in history]
