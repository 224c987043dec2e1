import numpy as np
import pytest

from mlcore.raters import estimate
from mlcore.records import Rating
from mlcore.synthetic import PUBLISHED_PANEL, simulate_panel

NAMES = [f"R{at}" for at in range(11)]


def panel(n: int = 3300, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latent severities, what features predict of them, and the grades of all eleven."""
    draw = np.random.default_rng(seed)
    severity = np.clip(draw.normal(2.6, 0.9, n), 1, 5)
    return severity, severity + draw.normal(0, 0.35, n), simulate_panel(severity, PUBLISHED_PANEL, seed).astype(float)


def one_each(grades: np.ndarray) -> list[list[Rating]]:
    return [[Rating(NAMES[at % 11], grade[at % 11])] for at, grade in enumerate(grades)]


def test_biases_are_found_where_each_image_has_one_grade() -> None:
    _, predicted, grades = panel()
    model = estimate(one_each(grades), predicted)
    true = (grades - grades.mean(axis=1, keepdims=True)).mean(axis=0)
    found = np.array([model.raters[name].bias for name in NAMES])
    assert np.sqrt(np.mean((found - true) ** 2)) < 0.045 < 0.14 < np.sqrt(np.mean(true**2))
    assert found.sum() == pytest.approx(0, abs=1e-9)
    assert sum(one.grades for one in model.raters.values()) == 3300


def test_thirty_grades_a_rater_tell_who_leans() -> None:
    errors, leanings = [], []
    for seed in range(3):
        _, predicted, grades = panel(330, seed)
        model = estimate(one_each(grades), predicted)
        true = (grades - grades.mean(axis=1, keepdims=True)).mean(axis=0)
        errors.append([model.raters[name].bias for name in NAMES] - true)
        leanings.append(true)
    assert np.std(errors) < 0.55 * np.std(leanings)


def test_corrected_targets_are_nearer_to_the_panels_mean() -> None:
    _, predicted, grades = panel()
    ratings = one_each(grades)
    model = estimate(ratings, predicted)
    truth = grades.mean(axis=1)
    raw, corrected = (
        np.sqrt(np.mean((np.array(given) - truth) ** 2))
        for given in ([given[0].level for given in ratings], [model.target(given)[0] for given in ratings])
    )
    assert corrected < 0.97 * raw


def test_noise_and_bias_are_found_where_grades_overlap() -> None:
    draw = np.random.default_rng(3)
    severity = draw.normal(3, 1, 800)
    bias, noise = np.array([0.5, -0.4, -0.1]), np.array([0.2, 0.5, 0.8])
    grades = severity[:, None] + bias + draw.normal(0, 1, (800, 3)) * noise
    ratings = [[Rating(name, grade) for name, grade in zip("abc", row, strict=True)] for row in grades]
    model = estimate(ratings, np.full(800, 3.0))
    assert [model.raters[name].bias for name in "abc"] == pytest.approx(bias, abs=0.05)
    assert [model.raters[name].noise for name in "abc"] == pytest.approx(noise, abs=0.1)
    assert model.spread == pytest.approx(1, abs=0.1)
    errors = [
        np.sqrt(np.mean((np.array(made) - severity) ** 2))
        for made in (grades.mean(axis=1), [model.target(given)[0] for given in ratings])
    ]
    assert errors[1] < 0.75 * errors[0]


def test_a_precise_raters_grade_weighs_more_and_two_grades_more_than_one() -> None:
    draw = np.random.default_rng(4)
    severity = draw.normal(3, 1, 500)
    ratings = [
        [Rating("sharp", one + draw.normal(0, 0.1)), Rating("vague", one + draw.normal(0, 1.0))] for one in severity
    ]
    model = estimate(ratings, severity)
    sharp, vague, both = (model.target(given)[1] for given in (ratings[0][:1], ratings[0][1:], ratings[0]))
    assert both > sharp > 2 * vague


def test_a_rater_of_few_grades_is_hardly_corrected() -> None:
    draw = np.random.default_rng(5)
    severity = draw.normal(3, 0.8, 400)
    # Four who do lean, and a fifth whose three grades happen to be high.
    ratings = [
        [Rating(f"R{at % 4}", one + (0.2 if at % 2 else -0.2) + draw.normal(0, 0.4))] for at, one in enumerate(severity)
    ]
    ratings += [[Rating("new", 3.9)] for _ in range(3)]
    model = estimate(ratings, np.append(severity, [3.0] * 3))
    assert 0 < model.raters["new"].bias < 0.7
    assert model.raters["R1"].bias - model.raters["R0"].bias == pytest.approx(0.4, abs=0.1)


def test_raters_who_do_not_lean_are_hardly_corrected() -> None:
    by_chance, corrected = [], []
    for seed in range(6, 10):
        draw = np.random.default_rng(seed)
        severity = draw.normal(3, 0.8, 900)
        noise = draw.normal(0, 0.5, 900)
        ratings = [[Rating(f"R{at % 9}", one)] for at, one in enumerate(severity + noise)]
        corrected.append([one.bias for one in estimate(ratings, severity).raters.values()])
        by_chance.append(noise.reshape(-1, 9).mean(axis=0))
    assert np.std(corrected) < np.std(by_chance) / 2


def test_noise_is_told_apart_only_where_images_have_several_grades() -> None:
    _, predicted, grades = panel(330)
    assert not estimate(one_each(grades), predicted).tells_noise
    all_of_it = [[Rating(name, grade) for name, grade in zip(NAMES, row, strict=True)] for row in grades]
    assert estimate(all_of_it, predicted).tells_noise


def test_perfect_and_single_raters_give_finite_figures() -> None:
    alone = estimate([[Rating("only", 3.0)]] * 4, np.full(4, 3.0))
    assert alone.raters["only"].bias == 0
    target, weight = alone.target([Rating("only", 3.0)])
    assert (target, np.isfinite(weight)) == (3.0, True)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="0 grades"):
        estimate([[]], np.zeros(1))
    with pytest.raises(ValueError, match="predictions"):
        estimate([[Rating("a", 1.0)]], np.zeros(2))
    with pytest.raises(ValueError, match="finite"):
        estimate([[Rating("a", float("nan"))]], np.zeros(1))
