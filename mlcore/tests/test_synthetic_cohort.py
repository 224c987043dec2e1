"""Who is in the cohort, and what the simulated panel says of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from mlcore.synthetic import (
    PUBLISHED_PANEL,
    PUBLISHED_RMSE,
    CohortConfig,
    SimulatedRater,
    Subject,
    cohort,
    simulate_panel,
)
from mlcore.synthetic_panel import expected_rmse


@lru_cache(maxsize=1)
def _many() -> tuple[Subject, ...]:
    return cohort(CohortConfig(size=6_000, seed=5, profile_share=0.2))


def _severity() -> NDArray[np.float64]:
    return np.array([subject.severity for subject in _many()])


def test_a_larger_cohort_begins_with_the_smaller_one() -> None:
    assert cohort(CohortConfig(size=9, seed=4)) == cohort(CohortConfig(size=40, seed=4))[:9]


def test_selfies_of_one_person_share_the_face_but_not_the_day() -> None:
    people = defaultdict(list)
    for subject in _many():
        people[subject.person].append(subject)
    assert 2.2 < len(_many()) / len(people) < 2.6
    assert all(len({(s.tone, s.sex, s.hair) for s in selfies}) == 1 for selfies in people.values())
    spread = [np.std([s.severity for s in selfies]) for selfies in people.values() if len(selfies) > 1]
    assert 0.1 < np.mean(spread) < 0.5 * _severity().std()


def test_severity_goes_with_nothing_else_that_is_known_of_a_selfie() -> None:
    subjects = _many()
    selfies = Counter(subject.person for subject in subjects)
    known = {
        "place": [s.index for s in subjects],
        "yaw": [s.yaw for s in subjects],
        "turn": [abs(s.yaw) for s in subjects],
        "tone": [s.tone for s in subjects],
        "sex": [s.sex == "male" for s in subjects],
        "long hair": [s.hair == "long" for s in subjects],
        "selfies": [selfies[s.person] for s in subjects],
    }
    for name, values in known.items():
        assert abs(np.corrcoef(np.asarray(values, dtype=float), _severity())[0, 1]) < 0.06, name


def test_all_six_tones_and_both_kinds_of_pose_occur() -> None:
    tones = Counter(subject.tone for subject in _many())
    assert set(tones) == {1, 2, 3, 4, 5, 6} and min(tones.values()) > 0.05 * len(_many())
    assert np.mean([s.is_profile for s in _many()]) == pytest.approx(0.2, abs=0.02)
    assert np.mean([s.is_frontal for s in _many()]) > 0.5
    assert any(not s.is_frontal and not s.is_profile for s in _many())
    assert all(s.is_profile == (abs(s.yaw) >= 60) and abs(s.yaw) <= 90 for s in _many())


def test_consensus_spreads_as_published_over_five_uneven_classes() -> None:
    consensus = simulate_panel(_severity(), PUBLISHED_PANEL, seed=1).mean(axis=1)
    classes = np.bincount(np.floor(consensus + 0.5).astype(int), minlength=6)[1:]
    assert consensus.std() == pytest.approx(0.73, abs=0.03)
    assert classes.min() > 0 and classes.max() >= 3 * classes.min()


def test_expected_errors_are_the_published_eleven() -> None:
    assert expected_rmse(_severity(), PUBLISHED_PANEL) == pytest.approx(PUBLISHED_RMSE, abs=0.01)


def test_simulated_grades_err_as_much_as_expected() -> None:
    severity = np.tile(_severity(), 20)
    grades = simulate_panel(severity, PUBLISHED_PANEL, seed=2)
    measured = np.sqrt(((grades - grades.mean(axis=1, keepdims=True)) ** 2).mean(axis=0))
    assert measured == pytest.approx(expected_rmse(_severity(), PUBLISHED_PANEL), abs=0.006)


def test_a_raters_grades_do_not_depend_on_who_comes_after() -> None:
    alone = simulate_panel(_severity(), PUBLISHED_PANEL[:1], seed=3)
    assert np.array_equal(alone[:, 0], simulate_panel(_severity(), PUBLISHED_PANEL, seed=3)[:, 0])


def test_a_rater_without_faults_gives_the_nearest_level() -> None:
    exact = SimulatedRater("Exact", bias=0, scale=1, noise=0, lapse=0)
    grades = simulate_panel(np.array([1.0, 1.6, 3.0, 4.4, 5.0]), [exact], seed=1)
    assert grades[:, 0].tolist() == [1, 2, 3, 4, 5]


def test_another_scale_is_graded_over_its_whole_range() -> None:
    exact = SimulatedRater("Exact", bias=0, scale=1, noise=0, lapse=0)
    grades = simulate_panel(np.array([1.0, 2.3, 3.7, 5.0]), [exact], seed=1, levels=(0, 1, 2, 3))
    assert grades[:, 0].tolist() == [0, 1, 2, 3]


def test_levels_that_do_not_increase_are_refused() -> None:
    with pytest.raises(ValueError, match="increasing"):
        simulate_panel(np.array([2.0]), PUBLISHED_PANEL, seed=1, levels=(1, 3, 2))


def test_without_turned_selfies_all_are_frontal_or_profiles() -> None:
    subjects = cohort(CohortConfig(size=200, turned_share=0.0))
    assert all(one.is_frontal or one.is_profile for one in subjects)
    assert any(one.is_profile for one in subjects)
    assert not all(one.is_frontal or one.is_profile for one in cohort(CohortConfig(size=200)))


@pytest.mark.parametrize(
    "wrong",
    [{"size": -1}, {"confounders": 1.2}, {"profile_share": -0.1}, {"turned_share": 2}, {"frailty": -1}, {"width": 20}],
)
def test_a_cohort_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        CohortConfig(**{"size": 4, **wrong})  # type: ignore[arg-type]
