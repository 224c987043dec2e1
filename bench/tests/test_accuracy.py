"""Each image is judged by a model that never saw its group, and each switch turns off what it names."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.grades.ablation import Setting, ablation, switches
from bench.grades.on_real import predicted
from bench.grades.ours import learn_and_score
from bench.grades.published import constant
from mlcore.examples import Example, ExpertData
from mlcore.extractor import ExtractorConfig
from mlcore.records import PatchVector, Rating, Region
from mlcore.regressor import RegressorConfig
from mlcore.splits import Split
from mlcore.training import TrainingConfig

IMAGES, DIM = 40, 6
LEVELS = (0.0, 1.0, 2.0, 3.0)


@pytest.fixture(scope="module")
def setting() -> Setting:
    """Two extractors, of which the first sees the severity in the whole face only, the second in a patch only."""
    draw = np.random.default_rng(3)
    severity = draw.uniform(0, 3, IMAGES)
    examples = tuple(
        Example(str(at), f"g{at // 2}", float(value), (Rating("a", round(value)), Rating("b", value)))
        for at, value in enumerate(severity)
    )
    experts = tuple(_expert(name, told, severity, draw) for name, told in (("one", Region.FACE), ("two", Region.CHIN)))
    small = RegressorConfig(hidden=(8,), max_epochs=3, threads=1)
    return Setting(experts, examples, TrainingConfig(levels=LEVELS, models=("ridge",), folds=4, regressor=small))


def _expert(name: str, told: Region, severity: np.ndarray, draw: np.random.Generator) -> ExpertData:
    def vector(value: float, region: Region) -> np.ndarray:
        noise = draw.normal(size=DIM)
        noise[-1] = value if region is told else noise[-1]
        return noise.astype(np.float32)

    regions = (Region.CHIN, Region.FACE)
    vectors = [
        tuple(
            PatchVector(patch, offset, vector(value, region), region)
            for patch, region in enumerate(regions)
            for offset in (0, 12)
        )
        for value in severity
    ]
    vectors[0] = ()
    return ExpertData(ExtractorConfig(name, "w", 8), vectors, blocks=(4, 2))


def test_every_image_is_predicted_once_by_a_model_without_its_group() -> None:
    groups = [f"g{at // 3}" for at in range(30)]
    seen: list[Split] = []

    def score(split: Split, number: int) -> np.ndarray:
        seen.append(split)
        return np.array(split.validation, dtype=float)

    np.testing.assert_array_equal(predicted(groups, 1, score), np.arange(30.0))
    assert len(seen) == 5
    for split in seen:
        assert not {groups[at] for at in split.train} & {groups[at] for at in split.validation}


def test_an_image_that_nobody_sees_counts_with_the_training_mean(setting: Setting) -> None:
    learnt = range(2, IMAGES)
    scores = learn_and_score(setting.experts, setting.examples, learnt, [0, 1], setting.config)
    assert scores.scored.tolist() == [False, True]
    assert scores.severity[0] == pytest.approx(np.mean([setting.examples[at].target for at in learnt]))
    assert sum(scores.parts.values()) == pytest.approx(1.0)
    assert constant([1.0, 2.0], 3).tolist() == [1.5, 1.5, 1.5]


def _turned(setting: Setting, name: str) -> Setting:
    (switch,) = (one for one in switches(setting) if one.name == name)
    return switch.turned(setting)


def _regions(setting: Setting) -> set[Region]:
    return {one.region for expert in setting.experts for image in expert.vectors for one in image}


def test_switches_turn_what_they_name_and_nothing_else(setting: Setting) -> None:
    assert _regions(_turned(setting, "without the whole face as a view")) == {Region.CHIN}
    assert _regions(_turned(setting, "without the patches")) == {Region.FACE}
    assert [one.extractor.backbone for one in _turned(setting, "without one").experts] == ["two"]
    assert _turned(setting, "without mirror images").config.ridge.offsets == (0,)
    assert not _turned(setting, "without raters' bias and noise").config.correct_raters
    assert _turned(setting, "with classes balanced, as published").config.balance == 1.0
    assert "network" in _turned(setting, "with the published network").config.models
    last = _turned(setting, "with the last stage instead of several").experts[0]
    assert last.blocks == (2,)
    np.testing.assert_array_equal(last.vectors[1][0].vector, setting.experts[0].vectors[1][0].vector[-2:])


def test_a_switch_that_makes_no_difference_is_no_row(setting: Setting) -> None:
    names = {switch.name for switch in switches(setting)}
    assert not names & {"without patches of skin that have no place", "without the linear model"}
    both = replace(setting, config=replace(setting.config, models=("ridge", "kernel")))
    assert {switch.name for switch in switches(both)} - names == {"without the linear model", "without the kernel"}
    on_rolls = "with the published network on rolled patches"
    felt = replace(setting, experts=tuple(replace(expert, feels_rolls=True) for expert in setting.experts))
    assert on_rolls not in {switch.name for switch in switches(felt)}
    image = felt.experts[0].vectors[1]
    rolled = replace(felt.experts[0], vectors=[(), (*image, replace(image[0], offset=6)), *felt.experts[0].vectors[2:]])
    there = replace(felt, experts=(rolled, felt.experts[1]))
    assert _turned(there, on_rolls).config.rolls
    assert not _turned(there, "with the published network").config.rolls
    alone = replace(setting, experts=setting.experts[:1])
    assert "without one" not in {switch.name for switch in switches(alone)}


def test_the_table_has_the_error_without_each_switch(setting: Setting) -> None:
    def error(other: Setting) -> float:
        aside = range(30, IMAGES)
        scores = learn_and_score(other.experts, other.examples, range(30), aside, other.config)
        return float(np.sqrt(np.mean((scores.severity - [other.examples[at].target for at in aside]) ** 2)))

    rows = {row.name: row.rmse for row in ablation(setting, error, error(setting))}
    # What only one of them sees is lost with it.
    assert rows["without one"] > error(setting) or rows["without two"] > error(setting)
    assert len(rows) == len(switches(setting))
