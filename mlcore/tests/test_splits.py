import numpy as np
import pytest

from mlcore.splits import folds, validation_split


def cohort(seed: int = 0) -> tuple[list[str], list[float]]:
    draw = np.random.default_rng(seed)
    groups = [f"P{person}" for person in draw.integers(0, 80, 300)]
    level = {group: float(draw.integers(1, 6)) for group in groups}
    return groups, [level[group] for group in groups]


def test_no_group_is_on_both_sides_and_nothing_is_lost() -> None:
    groups, targets = cohort()
    for seed in range(10):
        split = validation_split(groups, 0.2, seed, targets)
        assert sorted(split.train + split.validation) == list(range(300))
        assert not {groups[at] for at in split.train} & {groups[at] for at in split.validation}
        assert 0.15 <= len(split.validation) / 300 <= 0.25


def test_both_sides_have_about_the_same_mix() -> None:
    groups, targets = cohort()
    gaps: dict[bool, list[float]] = {True: [], False: []}
    for stratified in (True, False):
        for seed in range(40):
            split = validation_split(groups, 0.2, seed, targets if stratified else None)
            sides = [np.mean([targets[at] for at in side]) for side in (split.train, split.validation)]
            gaps[stratified].append(float(abs(sides[0] - sides[1])))
    assert np.mean(gaps[True]) < 0.6 * np.mean(gaps[False])


def test_the_seed_decides() -> None:
    groups, targets = cohort()
    assert validation_split(groups, 0.2, 1, targets) == validation_split(groups, 0.2, 1, targets)
    assert validation_split(groups, 0.2, 1, targets) != validation_split(groups, 0.2, 2, targets)


def test_both_sides_get_a_group_however_uneven_they_are() -> None:
    split = validation_split(["a"] * 99 + ["b"], 0.2, 0)
    assert {len(split.train), len(split.validation)} == {1, 99}
    with pytest.raises(ValueError, match="two groups"):
        validation_split(["a", "a"], 0.2, 0)
    with pytest.raises(ValueError, match="between"):
        validation_split(["a", "b"], 1.0, 0)


def test_folds_validate_each_item_once_with_whole_groups() -> None:
    groups, _ = cohort()
    splits = folds(groups, 5, 3)
    assert sorted(at for split in splits for at in split.validation) == list(range(300))
    for split in splits:
        assert not {groups[at] for at in split.train} & {groups[at] for at in split.validation}
        assert 55 <= len(split.validation) <= 65
    with pytest.raises(ValueError, match="folds"):
        folds(["a", "b"], 3, 0)
