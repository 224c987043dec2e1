import pytest

from mlcore.rolling import GRID, plan

LEVELS = (1, 2, 3)
TARGETS = [1] * 12 + [2] * 6 + [3] * 2 + [3]
PATCHES = [4] * 12 + [4] * 6 + [4, 2] + [0]


def test_the_largest_class_is_rolled_twice_and_smaller_ones_more() -> None:
    rolls = plan(TARGETS, PATCHES, LEVELS)
    assert len(rolls[0].offsets) == 3
    assert len(rolls[12].offsets) == 6
    assert rolls[18].offsets == GRID
    assert rolls[18].offsets == rolls[19].offsets


def test_classes_weigh_the_same_counted_over_existing_patches() -> None:
    for feels_rolls in (True, False):
        rolls = plan(TARGETS, PATCHES, LEVELS, feels_rolls=feels_rolls)
        totals = dict.fromkeys(LEVELS, 0.0)
        samples = 0
        for target, patches, image in zip(TARGETS, PATCHES, rolls, strict=True):
            totals[target] += patches * len(image.offsets) * image.weight
            samples += patches * len(image.offsets)
        assert totals[1] == pytest.approx(totals[2]) == pytest.approx(totals[3])
        assert sum(totals.values()) == pytest.approx(samples)


def test_an_image_without_patches_is_not_rolled() -> None:
    assert plan(TARGETS, PATCHES, LEVELS)[-1].offsets == ()
    assert plan([1, 2], [0, 0], LEVELS)[0].offsets == ()
    assert plan([], [], LEVELS) == ()


def test_features_that_feel_no_roll_are_only_weighted() -> None:
    rolls = plan(TARGETS, PATCHES, LEVELS, feels_rolls=False)
    assert {image.offsets for image in rolls} == {(0,), ()}
    assert rolls[18].weight > rolls[12].weight > rolls[0].weight


def test_without_balance_each_patch_counts_alike() -> None:
    rolls = plan(TARGETS, PATCHES, LEVELS, feels_rolls=False, balance=0)
    assert {image.weight for image in rolls if image.offsets} == {1.0}


def test_a_new_label_never_makes_an_offset_useless() -> None:
    before = plan(TARGETS, PATCHES, LEVELS)
    after = plan([*TARGETS, 2], [*PATCHES, 4], LEVELS)
    for old, new in zip(before, after, strict=False):
        shorter = min(len(old.offsets), len(new.offsets))
        assert old.offsets[:shorter] == new.offsets[:shorter]


def test_a_few_new_labels_ask_for_no_further_rolls_of_old_images() -> None:
    counts = [100, 350, 350, 150, 50]
    targets = [level for level, count in enumerate(counts, 1) for _ in range(count)]
    before = plan(targets, [4] * 1000, (1, 2, 3, 4, 5))
    for level in (1, 2, 3, 4, 5):
        after = plan([*targets, *[level] * 10], [4] * 1010, (1, 2, 3, 4, 5))
        assert [image.offsets for image in after[:1000]] == [image.offsets for image in before]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="patch counts"):
        plan([1], [1, 2], LEVELS)
    with pytest.raises(ValueError, match="balance"):
        plan([1], [1], LEVELS, balance=2)
