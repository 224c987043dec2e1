from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mlcore.evaluation import Evaluation, evaluate
from mlcore.examples import Example, ExpertData
from mlcore.extractor import ExtractorConfig
from mlcore.records import PatchVector, Rating, Region
from mlcore.regressor import EpochReport, RegressorConfig
from mlcore.training import MODELS, USUAL, Trained, Training, TrainingConfig, TrainingImpossible, plan_training, train

LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
SMALL = RegressorConfig(hidden=(16, 8), max_epochs=25, batch_size=64, learning_rate=1e-2, threads=1)
CONFIG = TrainingConfig(LEVELS, models=MODELS, folds=4, regressor=SMALL)
RIDGE = replace(CONFIG, models=("ridge",))
ONE, TWO = (ExtractorConfig(name, "v1", 64) for name in ("one", "two"))


def cohort(n: int = 160, seed: int = 0, dim: int = 8) -> tuple[list[Example], ExpertData]:
    """Two selfies a person; three patches each, whose first number follows the severity; each tenth refused."""
    draw = np.random.default_rng(seed)
    examples, seen = [], []
    for at in range(n):
        target = float(draw.choice([1, 2, 2, 3, 3, 3, 4, 5]))
        rows = draw.normal(0, 1, (3, dim)).astype(np.float32)
        rows[:, 0] = target + draw.normal(0, 0.4, 3)
        seen.append(tuple(PatchVector(patch, 0, row, Region.CHIN) for patch, row in enumerate(rows)) if at % 10 else ())
        examples.append(Example(f"{seed}-{at}", f"P{at // 2}", target))
    return examples, ExpertData(ONE, seen)


def assess(trained: Trained, examples: Sequence[Example], expert: ExpertData) -> Evaluation:
    scores = trained.ensemble.predict([{expert.extractor.id: vectors} for vectors in expert.vectors])
    predicted = [trained.ensemble.target_mean if score is None else score.severity for score in scores]
    return evaluate(predicted, [one.target for one in examples], LEVELS, [score is not None for score in scores])


@pytest.mark.parametrize("models", [("ridge",), ("kernel",), ("network",), ("ridge", "kernel", "network")])
def test_it_learns_and_says_honestly_how_well(models: tuple[str, ...]) -> None:
    examples, expert = cohort()
    trained = train([expert], examples, replace(CONFIG, models=models))
    fresh = assess(trained, *cohort(80, seed=9))
    assert fresh.pearson is not None and fresh.rmse is not None and trained.validation.rmse is not None
    assert fresh.pearson > 0.8
    assert fresh.coverage == trained.validation.coverage == pytest.approx(0.9)
    assert trained.validation.n == 160
    # A single network predicts each fold, and all of them together a fresh image: never much too kind.
    assert fresh.rmse - 0.1 < trained.validation.rmse < 0.7
    assert {part.kind for part in trained.parts} == set(models)
    assert sum(part.weight for part in trained.parts) == pytest.approx(1)


def test_what_a_label_says_does_not_reach_its_own_validation() -> None:
    """Targets at random, pictures in groups of two: who had seen one of them would know the other."""
    draw = np.random.default_rng(2)
    examples, expert = cohort(dim=300)
    told = [float(draw.integers(1, 6)) for _ in range(80)]
    pairs = [replace(one, target=told[at // 2]) for at, one in enumerate(examples)]
    same = ExpertData(ONE, [expert.vectors[at // 2 * 2 + 1] for at in range(160)])
    trained = train([same], pairs, CONFIG)
    own = assess(trained, pairs, same)
    spread = float(np.std([example.target for example in pairs]))
    assert trained.validation.rmse is not None and own.rmse is not None
    assert trained.validation.rmse > 0.93 * spread
    assert own.rmse < 0.8 * trained.validation.rmse


def test_groups_stay_together_and_refused_images_follow_theirs() -> None:
    examples, expert = cohort()
    plan = plan_training([expert], examples, CONFIG)
    for one, fold in zip(examples, plan.fold_of, strict=True):
        assert {plan.fold_of[at] for at, other in enumerate(examples) if other.group == one.group} == {fold}
    assert [plan.fold_of.count(fold) for fold in range(4)] == [40] * 4


def test_two_experts_are_better_than_either_and_one_that_knows_nothing_is_dropped() -> None:
    examples, one = cohort(300)
    draw = np.random.default_rng(5)

    def expert(extractor: ExtractorConfig, skill: float) -> ExpertData:
        rows = [draw.normal(0, 1, 8).astype(np.float32) for _ in examples]
        for row, example in zip(rows, examples, strict=True):
            row[0] = skill * example.target + draw.normal(0, 0.7)
        return ExpertData(extractor, [(PatchVector(0, 0, row, Region.FACE),) for row in rows])

    trained = train([expert(ONE, 1), expert(TWO, 1)], examples, RIDGE)
    assert trained.validation.rmse is not None
    assert trained.validation.rmse < 0.85 * min(part.rmse for part in trained.parts)
    blind = train([one, expert(TWO, 0)], examples, RIDGE)
    assert {part.extractor_id: part.weight > 0.9 for part in blind.parts} == {ONE.id: True, TWO.id: False}


def test_an_image_that_only_one_expert_sees_is_scored_by_that_one() -> None:
    examples, one = cohort()
    faces = [np.full(8, example.target, dtype=np.float32) for example in examples]
    every = ExpertData(TWO, [(PatchVector(3, 0, face, Region.FACE),) for face in faces])
    trained = train([one, every], examples, RIDGE)
    assert trained.validation.coverage == 1
    image = {ONE.id: (), TWO.id: every.vectors[0]}
    (alone,) = trained.ensemble.predict([image])
    assert alone is not None
    assert alone.severity == pytest.approx(examples[0].target, abs=0.3)


def test_a_refused_image_counts_with_the_mean_training_target() -> None:
    examples, expert = cohort()
    trained = train([expert], examples, RIDGE)
    assert trained.ensemble.target_mean == pytest.approx(np.mean([example.target for example in examples]))
    figures = assess(trained, [Example("x", "X", 5.0)] * 3, ExpertData(ONE, [()] * 3))
    assert figures.rmse == pytest.approx(5.0 - trained.ensemble.target_mean)
    assert figures.coverage == 0


def test_the_same_seed_gives_the_same_model() -> None:
    examples, expert = cohort(60)
    one, two = (train([expert], examples, CONFIG).ensemble.tensors() for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one | two)


def test_a_lenient_and_a_strict_rater_are_seen_through() -> None:
    """Each image graded by one of two raters who differ by two levels: the same model as without their biases."""
    examples, expert = cohort(300)
    lean = {0: -1.0, 1: 1.0}
    graded = [
        replace(
            one,
            target=one.target + lean[at // 2 % 2],
            ratings=(Rating(str(at // 2 % 2), one.target + lean[at // 2 % 2]),),
        )
        for at, one in enumerate(examples)
    ]
    errors: dict[bool, float] = {}
    for correct in (True, False):
        trained = train([expert], graded, replace(RIDGE, correct_raters=correct))
        errors[correct] = assess(trained, *cohort(100, seed=4)).rmse or 0
        assert (trained.raters is not None) == correct
        if trained.raters is not None:
            assert trained.raters.raters["1"].bias == pytest.approx(1, abs=0.1)
    assert 0 < errors[True] < errors[False]


def test_rolled_samples_are_trained_on_and_scoring_is_unrolled() -> None:
    examples, plain = cohort()
    feeling = replace(plain, feels_rolls=True)
    config = replace(CONFIG, models=("network",), regressor=replace(SMALL, max_epochs=2))
    plan = plan_training([feeling], examples, config)
    wanted = [offsets for offsets, vectors in zip(plan.offsets[0], plain.vectors, strict=True) if vectors]
    assert min(len(offsets) for offsets in wanted) == 3
    assert {offsets for offsets, vectors in zip(plan.offsets[0], plain.vectors, strict=True) if not vectors} == {()}
    grown = [
        tuple(replace(vector, offset=offset) for vector in vectors for offset in plan.rolls[0][at].offsets)
        for at, vectors in enumerate(plain.vectors)
    ]
    trained = train([replace(feeling, vectors=grown)], examples, config, plan=plan)
    assert trained.samples == sum(len(vectors) for vectors in grown) > 3 * 3 * 100
    assert trained.ensemble.offsets(ONE.id) == (0,)
    unrolled = plan_training([feeling], examples, replace(config, rolls=False))
    assert {offsets for offsets in unrolled.offsets[0] if offsets} == {(0,)}


def test_the_usual_models_ask_for_mirror_images_and_for_no_rolls() -> None:
    examples, plain = cohort()
    assert TrainingConfig(LEVELS).models == USUAL
    plan = plan_training([replace(plain, feels_rolls=True)], examples, TrainingConfig(LEVELS))
    assert {offsets for offsets in plan.offsets[0] if offsets} == {(0, 12)}
    assert train([plain], examples, TrainingConfig(LEVELS)).ensemble.offsets(ONE.id) == (0, 12)


def test_progress_is_told_in_order_and_may_cancel() -> None:
    examples, expert = cohort(60)
    seen: list[EpochReport] = []
    trained = train([expert, replace(expert, extractor=TWO)], examples, CONFIG, seen.append)
    assert tuple(seen) == trained.history
    assert sorted({(report.member, report.members) for report in seen}) == [(at, 8) for at in range(8)]
    assert [report.member for report in seen] == sorted(report.member for report in seen)

    def stop(report: EpochReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train([expert], examples, CONFIG, stop)


def test_too_little_to_train_on_is_said_plainly() -> None:
    examples, expert = cohort(30)
    with pytest.raises(TrainingImpossible, match="0 of 3"):
        train([ExpertData(ONE, [()] * 3)], examples[:3], CONFIG)
    with pytest.raises(TrainingImpossible, match="one person"):
        train([expert], [replace(one, group="same") for one in examples], CONFIG)
    few = [replace(one, group=str(at % 2)) for at, one in enumerate(examples)]
    assert train([expert], few, RIDGE).validation.n == 30
    with pytest.raises(ValueError, match="29"):
        train([expert], examples[1:], CONFIG)


def test_more_models_than_can_be_weighed_are_too_many() -> None:
    examples, expert = cohort(30)
    with pytest.raises(TrainingImpossible, match="16 backbones with 1 kinds of model"):
        train([expert] * 16, examples, RIDGE)


def test_the_weights_that_a_fold_is_judged_with_come_from_the_other_folds() -> None:
    """One part is right about the first fold only, the other about the rest: the first fold is judged by the other."""
    examples, expert = cohort(40)
    plan = plan_training([expert], examples, RIDGE)
    fold_of, truth = np.array(plan.fold_of), np.array([one.target for one in examples])
    wrong = np.where(truth > 3, 1.0, 5.0)
    predictions = np.stack([np.where(fold_of == 0, truth, wrong), np.where(fold_of == 0, wrong, truth)], axis=1)
    judged = Training([expert], examples, RIDGE, plan, None).validated(predictions)
    expected = np.sqrt(np.sum((wrong - truth)[fold_of == 0] ** 2) / 40)
    assert judged.rmse is not None
    # What the other folds are judged with is a mix, as they see the first.
    assert judged.rmse > 0.9 * expected
