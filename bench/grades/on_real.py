"""Ours, the published recipe and a constant on the real photographs, by cross-validation over groups; each is held
against the panels of all dermatologists but one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from bench.bars import Bar, at_most, reported
from bench.grades.ablation import Setting, ablation
from bench.grades.cache import Cache, cache_folder
from bench.grades.on_drawn import table
from bench.grades.ours import TEXTURE, Backbones, experts_of, learn_and_score
from bench.grades.panels import against_panels, raters_against_panels, rmse
from bench.grades.progress import say
from bench.grades.published import PublishedRecipe, constant
from bench.grades.real import LEVELS, Photograph, Photographs, data_folder, photographs
from mlcore.backbones import load as load_backbone
from mlcore.backbones import weights_file
from mlcore.commands.experts import Picture
from mlcore.examples import Example
from mlcore.records import BACKBONES, Backbone, Rating
from mlcore.splits import Split, folds
from mlcore.training import MODELS, TrainingConfig

Floats = NDArray[np.float64]
FOLDS = 5
SEEDS, RECIPE_SEEDS, ABLATION_SEEDS = 5, 2, 1


@dataclass(frozen=True, slots=True)
class Load:
    """images: None for all."""

    images: int | None
    seeds: int
    recipe_seeds: int
    ablation_seeds: int


FULL = Load(None, SEEDS, RECIPE_SEEDS, ABLATION_SEEDS)
QUICK = Load(60, 1, 1, 1)


def on_real(quick: bool) -> list[Bar]:
    """No bars, and a line that says so, where this machine has no photographs."""
    folder = data_folder()
    if folder is None:
        say("real photographs: skipped, as there are none (GOLDFOLD_DATA names no folder with acne04_a in it)")
        return []
    start = time.monotonic()
    load = QUICK if quick else FULL
    study = photographs(folder)
    study = replace(study, images=_some(study.images, load.images))
    say(f"real photographs: {len(study.images)} images, {len(study.raters)} dermatologists, {FOLDS} folds by group")
    backbones = TEXTURE if quick else Backbones(study.weights)
    bars = [*_ours(study, backbones, load, quick), *_recipe(study, _published_backbone(backbones), load)]
    say(f"real photographs: {time.monotonic() - start:.0f} s")
    return [*_panel(study), *bars]


def _some(images: tuple[Photograph, ...], wanted: int | None) -> tuple[Photograph, ...]:
    """Evenly spread, so that all levels are among them."""
    if wanted is None:
        return images
    return tuple(images[at] for at in np.linspace(0, len(images) - 1, wanted).astype(int).tolist())


def _published_backbone(ours: Backbones) -> Backbone:
    """Of those whose weights are there the one most like the publication's, a ResNet-152."""
    there = [name for name in reversed(ours.wanted or BACKBONES) if weights_file(name, ours.weights)]
    return load_backbone(there[0] if there else "texture", ours.weights, precision="float32", pooling="final")


def _panel(study: Photographs) -> list[Bar]:
    raters = enumerate(raters_against_panels(study.grades), 1)
    return [reported(f"real: dermatologist {at} to the mean of the others", error, "levels") for at, error in raters]


def _examples(study: Photographs) -> tuple[Example, ...]:
    return tuple(
        Example(
            image.picture.sha256,
            image.group,
            float(truth),
            tuple(Rating(rater, grade) for rater, grade in zip(study.raters, image.grades, strict=True)),
        )
        for image, truth in zip(study.images, study.truth.tolist(), strict=True)
    )


def _pictures(study: Photographs) -> tuple[Picture, ...]:
    return tuple(image.picture for image in study.images)


def predicted(groups: Sequence[str], seed: int, score: Callable[[Split, int], Floats]) -> Floats:
    """Every image by a model that saw nothing of its group: `score` gives those of a split's other side."""
    values = np.full(len(groups), np.nan)
    for number, split in enumerate(folds(groups, FOLDS, seed)):
        values[list(split.validation)] = score(split, number)
    return values


def _cross_validated(setting: Setting, seed: int) -> Floats:
    config = replace(setting.config, seed=seed, regressor=replace(setting.config.regressor, seed=seed))

    def score(split: Split, number: int) -> Floats:
        return learn_and_score(setting.experts, setting.examples, split.train, split.validation, config).severity

    return predicted([example.group for example in setting.examples], seed, score)


def _ours(study: Photographs, backbones: Backbones, load: Load, quick: bool) -> list[Bar]:
    config = TrainingConfig(levels=LEVELS)
    examples = _examples(study)
    # Rolled patches too, so that the table can say what they are worth.
    everything = replace(config, models=MODELS)
    experts = experts_of(_pictures(study), examples, backbones, cache_folder() / "features", everything)
    setting = Setting(experts, examples, config)
    runs = []
    for seed in range(load.seeds):
        runs.append(_cross_validated(setting, seed))
        say(f"  real: ours, seed {seed}: RMSE {rmse(runs[-1], study.truth):.4f}, {_against(runs[-1], study)}")

    def averaged(other: Setting) -> float:
        few = range(load.ablation_seeds)
        return float(np.mean([rmse(_cross_validated(other, seed), study.truth) for seed in few]))

    rows = ablation(setting, averaged, float(np.mean([rmse(run, study.truth) for run in runs[: load.ablation_seeds]])))
    raters = raters_against_panels(study.grades)
    coverage = np.mean([any(expert.vectors[at] for expert in setting.experts) for at in range(len(examples))])
    name, worst = "real: our RMSE to the panels that leave one out, the largest", _worst(runs, study)
    return [
        reported(name, worst, "levels")
        if quick
        else at_most(f"{name} (worst dermatologist's)", worst, max(raters), "levels"),
        reported("real: the same over the best dermatologist's, the aim", worst / min(raters)),
        *_figures("ours", runs, study),
        reported("real: images that ours scores", float(coverage)),
        *table(rows, "real"),
    ]


def _recipe(study: Photographs, backbone: Backbone, load: Load) -> list[Bar]:
    recipe = PublishedRecipe(backbone, Cache(cache_folder()), LEVELS)
    pictures, targets = _pictures(study), study.truth.tolist()
    leaks, runs = [], []
    for seed in range(load.recipe_seeds):

        def score(split: Split, number: int, seed: int = seed) -> Floats:
            learnt, aside = ([pictures[at] for at in side] for side in (split.train, split.validation))
            (scores,) = recipe.learn_and_score(learnt, [targets[at] for at in split.train], aside, [seed])
            leaks.append(scores.validation_rmse)
            return scores.severity

        runs.append(predicted(study.groups, seed, score))
        error = rmse(runs[-1], study.truth)
        say(f"  real: published recipe, seed {seed}: RMSE {error:.4f}, {_against(runs[-1], study)}")
    guess = predicted(
        study.groups, 0, lambda split, _: constant([targets[at] for at in split.train], len(split.validation))
    )
    return [
        *_figures(f"published recipe ({backbone.name})", runs, study),
        reported("real: published recipe's own leaky validation RMSE", median(leaks), "levels"),
        reported("real: a constant's RMSE", rmse(guess, study.truth), "levels"),
    ]


def _worst(runs: Sequence[Floats], study: Photographs) -> float:
    return median(max(against_panels(run, study.grades)) for run in runs)


def _against(run: Floats, study: Photographs) -> str:
    pairs = zip(against_panels(run, study.grades), raters_against_panels(study.grades), strict=True)
    return "leave-one-out " + ", ".join(f"{model:.3f} (rater {rater:.3f})" for model, rater in pairs)


def _figures(who: str, runs: Sequence[Floats], study: Photographs) -> list[Bar]:
    """Median and spread over the seeds."""
    errors = [rmse(run, study.truth) for run in runs]
    by_panel = [median(panel) for panel in zip(*(against_panels(run, study.grades) for run in runs), strict=True)]
    return [
        reported(f"real: {who}, RMSE to all, median of {len(runs)} seeds", median(errors), "levels"),
        reported(f"real: {who}, RMSE to all, largest less smallest", max(errors) - min(errors), "levels"),
        *(
            reported(f"real: {who}, RMSE to the mean of all but dermatologist {at}", one, "levels")
            for at, one in enumerate(by_panel, 1)
        ),
    ]
