"""The mean of a panel's grades, by hand."""

import math

import numpy as np
import pytest

from mlcore.consensus import ImageConsensus, consensus

NAN = math.nan


def test_it_is_the_mean_with_count_and_sample_deviation() -> None:
    first, second = consensus([[1, 2, 3], [2, 2, 5]])
    assert first == ImageConsensus(2.0, 3, 1.0)
    assert second is not None and (second.value, second.n) == (3.0, 3)
    assert second.spread == pytest.approx(math.sqrt(3))


def test_missing_grades_do_not_count() -> None:
    (found,) = consensus([[1, NAN, 4]])
    assert found is not None and (found.value, found.n) == (2.5, 2)
    assert found.spread == pytest.approx(math.sqrt(4.5))


def test_a_single_grade_has_no_spread_and_an_ungraded_image_no_consensus() -> None:
    assert consensus([[NAN, 4.0], [NAN, NAN]]) == (ImageConsensus(4.0, 1, None), None)


def test_no_images_and_no_raters_give_nothing() -> None:
    assert consensus(np.zeros((0, 3))) == ()
    assert consensus(np.zeros((2, 0))) == (None, None)


@pytest.mark.parametrize("wrong", [[1.0, 2.0], [[math.inf, 1.0]]])
def test_what_is_no_table_of_grades_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="grade"):
        consensus(wrong)  # type: ignore[arg-type]
