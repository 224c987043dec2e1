from dataclasses import replace

import numpy as np
import pytest

from mlcore.records import PatchVector, Region
from mlcore.regressor import EpochReport, RegressorConfig
from mlcore.training import Example, TrainingConfig, TrainingImpossible, assess, plan_training, predict_images, train

LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
SMALL = RegressorConfig(hidden=(32, 16), max_epochs=40, batch_size=32, learning_rate=3e-3, members=1, threads=1)
CONFIG = TrainingConfig(LEVELS, SMALL)
FOLDED = TrainingConfig(LEVELS, replace(SMALL, members=4))


def examples(n: int = 160, seed: int = 0) -> list[Example]:
    """Two selfies a person; three patches each, whose first number follows the severity; each tenth refused."""
    draw = np.random.default_rng(seed)
    made = []
    for at in range(n):
        target = float(draw.choice([1, 2, 2, 3, 3, 3, 4, 5]))
        rows = draw.normal(0, 1, (3, 8)).astype(np.float32)
        rows[:, 0] = target + draw.normal(0, 0.4, 3)
        vectors = tuple(PatchVector(patch, 0, row, Region.CHIN) for patch, row in enumerate(rows)) if at % 10 else ()
        made.append(Example(f"{seed}-{at}", f"P{at // 2}", target, vectors))
    return made


def test_it_learns_and_validates_on_other_persons() -> None:
    given = examples()
    trained = train(given, CONFIG)
    (split,) = trained.plan.splits
    assert not {given[at].group for at in split.train} & {given[at].group for at in split.validation}
    assert sorted(split.train + split.validation) == list(range(160))
    fresh = assess(trained.regressor, examples(80, seed=9), LEVELS, trained.target_mean)
    assert fresh.pearson is not None
    assert fresh.pearson > 0.8
    assert fresh.coverage == pytest.approx(0.9)
    assert trained.validation.n == len(split.validation)
    assert trained.samples == sum(given[at].patches for at in split.train)


def test_each_member_keeps_another_fold_and_every_image_is_validated_by_a_stranger() -> None:
    given = examples()
    trained = train(given, FOLDED)
    for split in trained.plan.splits:
        assert not {given[at].group for at in split.train} & {given[at].group for at in split.validation}
    assert sorted(at for split in trained.plan.splits for at in split.validation) == list(range(160))
    assert (trained.validation.n, trained.validation.coverage) == (160, 0.9)
    assert [report.member for report in trained.history] == sorted(report.member for report in trained.history)
    assert {(report.member, report.members) for report in trained.history} == {(at, 4) for at in range(4)}
    assert trained.samples == sum(example.patches for example in given)
    assert trained.regressor.config.members == 4


def test_what_a_label_says_does_not_reach_its_own_validation() -> None:
    """Targets at random: a member that had seen them would know some; one that had not is no better than their mean."""
    draw = np.random.default_rng(2)
    told = [replace(example, target=float(draw.integers(1, 6))) for example in examples()]
    seen = [replace(example, group=str(at // 2)) for at, example in enumerate(told)]
    trained = train(seen, FOLDED)
    own = assess(trained.regressor, seen, LEVELS, trained.target_mean)
    spread = float(np.std([example.target for example in seen]))
    assert trained.validation.rmse is not None and own.rmse is not None
    assert trained.validation.rmse > 0.93 * spread
    assert own.rmse < trained.validation.rmse


def test_fewer_groups_than_members_make_as_many_members() -> None:
    few = [replace(example, group=str(at % 3)) for at, example in enumerate(examples(30))]
    assert train(few, FOLDED).regressor.config.members == 3


def test_a_refused_image_counts_with_the_mean_training_target() -> None:
    given = examples()
    trained = train(given, CONFIG)
    assert trained.target_mean == pytest.approx(np.mean([example.target for example in given]))
    refused = [Example("x", "X", 5.0, ())] * 3
    figures = assess(trained.regressor, refused, LEVELS, trained.target_mean)
    assert figures.rmse == pytest.approx(5.0 - trained.target_mean)
    assert figures.coverage == 0
    assert predict_images(trained.regressor, [()], LEVELS) == [None]


def test_scores_are_the_mean_over_unrolled_patches_within_the_scale() -> None:
    trained = train(examples(), CONFIG)
    image = examples(2)[1].vectors
    alone = trained.regressor.predict(np.stack([vector.vector for vector in image]))
    rolled = PatchVector(0, 6, np.full(8, 50, dtype=np.float32), Region.CHIN)
    assert predict_images(trained.regressor, [(*image, rolled)], LEVELS) == [pytest.approx(alone.mean())]
    extreme = [PatchVector(0, 0, np.array([99, 0, 0, 0, 0, 0, 0, 0], dtype=np.float32), Region.CHIN)]
    (score,) = predict_images(trained.regressor, [extreme], LEVELS)
    assert score is not None
    assert 1 <= score <= 5


def test_the_same_seed_gives_the_same_model() -> None:
    x = np.zeros((4, 8), dtype=np.float32)
    one, two = (train(examples(), CONFIG).regressor.predict(x) for _ in range(2))
    assert np.array_equal(one, two)


def test_rolled_samples_are_trained_on_and_validation_stays_unrolled() -> None:
    given = examples()
    config = TrainingConfig(LEVELS, CONFIG.regressor, feels_rolls=True)
    plan = plan_training(given, config)
    wanted = {at: plan.rolls[at].offsets for at in plan.splits[0].train if given[at].vectors}
    assert min(len(offsets) for offsets in wanted.values()) == 3
    assert {plan.rolls[at].offsets for at in plan.splits[0].validation} == {(0,)}
    grown = [
        Example(
            example.sha256,
            example.group,
            example.target,
            tuple(
                PatchVector(vector.patch, offset, vector.vector, vector.region)
                for vector in example.vectors
                for offset in plan.rolls[at].offsets
            ),
        )
        for at, example in enumerate(given)
    ]
    trained = train(grown, config, plan=plan)
    assert trained.samples == sum(3 * len(offsets) for offsets in wanted.values())


def test_progress_is_told_and_may_cancel() -> None:
    seen: list[EpochReport] = []
    trained = train(examples(), CONFIG, seen.append)
    assert tuple(seen) == trained.history

    def stop(report: EpochReport) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(examples(), CONFIG, stop)


def test_too_little_to_train_on_is_said_plainly() -> None:
    with pytest.raises(TrainingImpossible, match="0 of 3"):
        train([Example(str(at), str(at), 1.0, ()) for at in range(3)], CONFIG)
    alone = [Example(example.sha256, "same", example.target, example.vectors) for example in examples(30)]
    with pytest.raises(TrainingImpossible, match="one person"):
        train(alone, CONFIG)
