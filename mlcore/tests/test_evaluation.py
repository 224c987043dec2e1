import numpy as np
import pytest

from mlcore.evaluation import (
    calibration,
    evaluate,
    leave_one_out,
    levels_of,
    rmse_interval,
    seed_spread,
    subgroups,
)

LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)


def test_figures_by_hand() -> None:
    figures = evaluate([1.2, 2.6, 4.4, 5.0], [1, 2, 5, 5], LEVELS)
    assert figures.n == 4
    assert figures.rmse == pytest.approx(np.sqrt((0.04 + 0.36 + 0.36) / 4))
    assert figures.mae == pytest.approx(1.4 / 4)
    assert figures.within_one == 1
    assert figures.confusion == ((1, 0, 0, 0, 0), (0, 0, 1, 0, 0), (0,) * 5, (0,) * 5, (0, 0, 0, 1, 1))
    assert figures.coverage == 1


def test_correlations_agree_with_numpy_and_count_ties_by_mean_rank() -> None:
    draw = np.random.default_rng(1)
    truth = draw.integers(1, 6, 50).astype(float)
    guess = truth + draw.normal(0, 0.7, 50)
    figures = evaluate(guess, truth, LEVELS)
    assert figures.pearson == pytest.approx(np.corrcoef(guess, truth)[0, 1])
    # Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4.
    tied = evaluate([1, 2, 2, 5], [1, 3, 2, 4], LEVELS)
    assert tied.spearman == pytest.approx(np.corrcoef([1, 2.5, 2.5, 4], [1, 3, 2, 4])[0, 1])


def test_a_value_on_a_midpoint_belongs_to_the_higher_level() -> None:
    assert levels_of([1.49, 1.5, 4.5, -3, 99], LEVELS).tolist() == [0, 1, 4, 0, 4]
    assert levels_of([0.5, 4.9, 5], (0, 1, 9)).tolist() == [1, 1, 2]


def test_undefined_figures_are_none_and_never_nan() -> None:
    nothing = evaluate([], [], LEVELS)
    assert nothing.n == 0
    assert (nothing.rmse, nothing.mae, nothing.pearson, nothing.within_one, nothing.coverage) == (None,) * 5
    assert np.sum(nothing.confusion) == 0
    single = evaluate([2.0], [3.0], LEVELS)
    assert (single.rmse, single.pearson, single.spearman) == (1.0, None, None)
    constant = evaluate([0.1 + 0.2] * 5, [1, 2, 3, 4, 5], LEVELS)
    assert constant.pearson is None
    assert constant.spearman is None


def test_coverage_is_the_share_that_the_model_scored() -> None:
    assert evaluate([1, 2, 3, 3], [1, 2, 3, 4], LEVELS, [True, True, True, False]).coverage == 0.75


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        evaluate([float("nan")], [1], LEVELS)
    with pytest.raises(ValueError, match="2 predictions"):
        evaluate([1, 2], [1], LEVELS)
    with pytest.raises(ValueError, match="rising"):
        evaluate([1], [1], (2, 1))


def test_the_interval_holds_the_true_rmse_about_as_often_as_it_says() -> None:
    draw = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        errors = draw.normal(0, 0.5, 80)
        interval = rmse_interval(errors, np.zeros(80), list(range(80)), seed)
        assert interval is not None
        held += interval.low < 0.5 < interval.high
    assert 0.86 < held / 200 < 0.99


def test_images_of_one_person_count_as_one_in_the_interval() -> None:
    """The same errors, ten images a person: as uncertain as a tenth of the images would be."""
    errors = np.repeat(np.random.default_rng(1).normal(0, 0.5, 40), 10)
    alone = rmse_interval(errors, np.zeros(400), list(range(400)))
    grouped = rmse_interval(errors, np.zeros(400), [at // 10 for at in range(400)])
    assert alone is not None and grouped is not None
    assert grouped.high - grouped.low > 2.4 * (alone.high - alone.low)
    assert rmse_interval([1.0, 2.0], [1, 2], ["a", "a"]) is None
    assert rmse_interval(errors, np.zeros(400), [at // 10 for at in range(400)]) == grouped


def test_calibration_shows_what_is_too_bold() -> None:
    truth = np.tile([1.0, 2.0, 3.0, 4.0, 5.0], 20)
    found = calibration(3 + 1.25 * (truth - 3), truth, LEVELS)
    assert found.slope == pytest.approx(0.8)
    assert found.intercept == pytest.approx(0.6)
    assert found.bias == pytest.approx(0)
    assert [one.n for one in found.bins] == [20] * 5
    assert found.bins[0].predicted == pytest.approx(0.5)
    assert found.bins[0].truth == pytest.approx(1)
    flat = calibration([2.2] * 5, [1, 2, 3, 4, 5], LEVELS)
    assert (flat.slope, flat.intercept, flat.bins[0].truth, flat.bins[1].truth) == (None, None, None, 3)
    assert calibration([1, 2, 3], [2, 2, 2], LEVELS).slope == 0
    assert calibration([], [], LEVELS).bias is None


def test_the_model_is_held_against_the_panels_of_the_raters() -> None:
    grades = np.array([[1, 2, 3], [3, 3, 3], [5, 4, 3], [1, 1, np.nan]], dtype=float)
    first, _, third = leave_one_out([2, 3, 4, 5], grades)
    assert first.n == 3
    assert first.model_rmse == pytest.approx(np.sqrt((0.25 + 0 + 0.25) / 3))
    assert first.rater_rmse == pytest.approx(np.sqrt((2.25 + 0 + 2.25) / 3))
    assert third.model_rmse == pytest.approx(np.sqrt((0.25 + 0 + 0.25) / 3))
    nothing = leave_one_out([1.0], [[np.nan, 2.0]])
    assert (nothing[0].n, nothing[0].model_rmse, nothing[0].rater_rmse) == (0, None, None)
    with pytest.raises(ValueError, match="two raters"):
        leave_one_out([1.0], [[2.0]])


def test_subgroups_have_their_own_figures() -> None:
    found = subgroups([1, 2, 3, 3], [1, 2, 5, 3], LEVELS, ["dark", "dark", "light", "light"], [True, True, True, False])
    assert {name: (one.n, one.coverage) for name, one in found.items()} == {"dark": (2, 1.0), "light": (2, 0.5)}
    assert found["dark"].rmse == 0
    assert found["light"].rmse == pytest.approx(np.sqrt(2))


def test_a_spread_over_seeds_is_never_the_best_one() -> None:
    found = seed_spread([0.5, 0.3, 0.4, 0.9, 0.45])
    assert (found.seeds, found.median, found.low, found.high) == (5, 0.45, 0.3, 0.9)
    with pytest.raises(ValueError, match="5 seeds"):
        seed_spread([0.3])


def test_large_groups_count_for_as_many_images_as_they_have() -> None:
    interval = rmse_interval([0.5] * 20, np.zeros(20), ["many"] * 15 + list("abcde"))
    assert interval is not None
    assert interval.low == pytest.approx(0.5)
    assert interval.high == pytest.approx(0.5)
