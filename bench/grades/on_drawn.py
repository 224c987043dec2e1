"""Published recipe, constant and ours on the drawn study's golden set, against its panel."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from bench.bars import Bar, at_most, reported, within
from bench.grades.ablation import Row, Setting, ablation
from bench.grades.cache import Cache, cache_folder
from bench.grades.drawn import DrawnStudy, drawn_study
from bench.grades.ours import TEXTURE, Scores, experts_of, learn_and_score
from bench.grades.panels import rmse
from bench.grades.progress import followed, say
from bench.grades.published import PublishedRecipe, constant
from mlcore import backbones
from mlcore.agreement import rmse_to_panel
from mlcore.commands.experts import Picture
from mlcore.evaluation import pearson
from mlcore.examples import Example
from mlcore.records import Rating
from mlcore.synthetic import PUBLISHED_RMSE
from mlcore.synthetic_panel import PUBLISHED_LEVELS
from mlcore.training import TrainingConfig

Floats = NDArray[np.float64]
SEEDS_TRIED = (5, 6)
"""Of the recipe, with the published seed first. Theirs was picked by its error on the golden set, as they say that
others may err by more there; how many they tried they don't say. Two take 20 minutes of both cores; of four (5 to 8)
the least error was 0.495 and the median 0.499."""
PUBLISHED_MODEL, TOLERANCE = 0.48, 0.03
ASKED, AIM = 0.45, min(PUBLISHED_RMSE)


@dataclass(frozen=True)
class Dealt:
    """The drawn study as pictures: golden first, then training, each in the study's order."""

    study: DrawnStudy
    pictures: tuple[Picture, ...]
    examples: tuple[Example, ...]

    @property
    def golden(self) -> range:
        return range(len(self.study.golden))

    @property
    def training(self) -> range:
        return range(len(self.study.golden), len(self.pictures))

    @property
    def strangers(self) -> list[int]:
        """Training images of persons who are not in the golden set, as the product trains."""
        known = {self.examples[at].group for at in self.golden}
        return [at for at in self.training if self.examples[at].group not in known]


def dealt(study: DrawnStudy, cache: Cache) -> Dealt:
    """Draw the study, and put each picture with what its rater said; a golden one with the panel's mean."""
    places = (*study.golden, *study.training)
    pictures, examples = [], []
    labels = study.labels.tolist()
    for number, at in enumerate(followed(places, "drawing selfies")):
        selfie = study.selfie(at, cache)
        pictures.append(selfie)
        person = study.subjects[at].person
        order = number - len(study.golden)
        if order < 0:
            examples.append(Example(selfie.sha256, person, float(study.truth[number])))
        else:
            grade = float(labels[order])
            rating = Rating(f"Rater {study.rater_of(order) + 1}", grade)
            examples.append(Example(selfie.sha256, person, grade, (rating,)))
    return Dealt(study, tuple(pictures), tuple(examples))


def on_drawn(quick: bool) -> list[Bar]:
    start = time.monotonic()
    root = cache_folder()
    study = drawn_study(training=160, golden=60) if quick else drawn_study()
    say(f"drawn study: {len(study.training)} training and {len(study.golden)} golden selfies")
    deal = dealt(study, Cache(root))
    recipe = [*_recipe(deal, Cache(root), quick)]
    ours = [*_ours(deal, root, quick)]
    say(f"drawn study: {time.monotonic() - start:.0f} s")
    return [*_panel(study), *recipe, *ours]


def _panel(study: DrawnStudy) -> list[Bar]:
    errors = [rater.rmse or float("nan") for rater in rmse_to_panel(study.golden_grades).raters]
    return [
        reported("drawn: best rater's RMSE to the panel", min(errors), "grades"),
        reported("drawn: worst rater's RMSE to the panel", max(errors), "grades"),
    ]


def _recipe(deal: Dealt, cache: Cache, quick: bool) -> list[Bar]:
    labels = [deal.examples[at].target for at in deal.training]
    truth = deal.study.truth
    recipe = PublishedRecipe(backbones.load("texture"), cache, PUBLISHED_LEVELS)
    tried = recipe.learn_and_score(
        [deal.pictures[at] for at in deal.training],
        labels,
        [deal.pictures[at] for at in deal.golden],
        SEEDS_TRIED[:1] if quick else SEEDS_TRIED,
    )
    errors = [rmse(scores.severity, truth) for scores in tried]
    say(f"  drawn: published recipe's RMSE by seed: {', '.join(f'{error:.4f}' for error in errors)}")
    name, measured = "drawn: published recipe's RMSE, its seed picked on the golden set", min(errors)
    scores = tried[errors.index(measured)]
    return [
        # The difficulty was fixed for the whole study; of a part of it nothing of the kind is known.
        reported(name, measured, "grades") if quick else within(name, measured, PUBLISHED_MODEL, TOLERANCE, "grades"),
        reported(f"drawn: published recipe's RMSE, median of {len(errors)} seeds", median(errors), "grades"),
        reported("drawn: published recipe's own leaky validation RMSE", scores.validation_rmse, "grades"),
        reported("drawn: published recipe's correlation", pearson(scores.severity, truth) or 0.0),
        reported("drawn: a constant's RMSE", rmse(constant(labels, len(truth)), truth), "grades"),
    ]


def _ours(deal: Dealt, root: Path, quick: bool) -> list[Bar]:
    config = TrainingConfig(levels=PUBLISHED_LEVELS)
    experts = experts_of(deal.pictures, deal.examples, TEXTURE, root / "features", config)
    setting = Setting(experts, deal.examples, config)
    scores = _scored(setting, deal)
    truth = deal.study.truth
    measured = rmse(scores.severity, truth)
    say(f"  drawn: our RMSE {measured:.4f}, said by its training {scores.validation_rmse:.4f}; {scores.parts}")
    rows = ablation(setting, lambda other: rmse(_scored(other, deal).severity, truth), measured)
    bar = (
        reported("drawn: our RMSE", measured, "grades")
        if quick
        else at_most("drawn: our RMSE", measured, ASKED, "grades")
    )
    errors = [rater.rmse or float("nan") for rater in rmse_to_panel(deal.study.golden_grades).raters]
    return [
        bar,
        reported(f"drawn: our RMSE over the aim of {AIM:g}", measured / AIM),
        reported("drawn: raters with a larger RMSE than ours", sum(error > measured for error in errors)),
        reported("drawn: our correlation", pearson(scores.severity, truth) or 0.0),
        reported("drawn: golden selfies that ours scores", float(scores.scored.mean())),
        *table(rows, "drawn"),
    ]


def _scored(setting: Setting, deal: Dealt) -> Scores:
    return learn_and_score(setting.experts, setting.examples, deal.strangers, deal.golden, setting.config)


def table(rows: Sequence[Row], what: str) -> list[Bar]:
    return [reported(f"{what}: {row.name}", row.rmse, "grades") for row in rows]
