import numpy as np
import pytest

from mlcore.evaluation import evaluate, levels_of

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
