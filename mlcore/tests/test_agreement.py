"""Raters against their panel: by hand, by identities, and on a real panel where one is at hand."""

import csv
import hashlib
import math
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from mlcore.agreement import AvailableCase, RaterAgreement, rmse_to_panel

NAN = math.nan


def test_errors_bias_and_correlation_by_hand() -> None:
    """Means 2, 3, 4; R1 is off them by -1, -1, 1, and off the mean of the others (2.5, 3.5, 3.5) by -1.5, -1.5, 1.5."""
    found = rmse_to_panel([[1, 2, 3], [2, 3, 4], [5, 3, 4]])
    first = found.raters[0]
    assert (found.n_images, found.n_total, found.reason) == (3, 3, "")
    assert first.rmse == pytest.approx(1.0)
    assert first.rmse_to_others == pytest.approx(1.5)
    assert first.bias == pytest.approx(-0.5)
    # Of (1, 2, 5) and (2.5, 3.5, 3.5): 5/3 over the root of 26/3 · 2/3.
    assert first.pearson_to_others == pytest.approx(0.693375, abs=1e-6)
    assert [rater.rmse for rater in found.raters] == pytest.approx([1.0, math.sqrt(1 / 3), math.sqrt(2 / 3)])
    assert found.worst == 0


def test_complete_cases_leave_out_an_image_that_one_did_not_grade() -> None:
    """The last image has two grades, 1 and 5: available for R1 and R2, who are each off by 2 (4 from the other)."""
    found = rmse_to_panel([[1.0, 3.0, 2.0], [2.0, 2.0, 2.0], [1.0, 5.0, NAN]])
    assert (found.n_images, found.n_total) == (2, 3)
    assert found.raters[0].graded == 3
    assert found.raters[0].rmse == pytest.approx(math.sqrt((1 + 0) / 2))
    assert found.raters[0].rmse_to_others == pytest.approx(math.sqrt((1.5**2 + 0) / 2))
    available = found.raters[0].available
    assert available.n == 3
    assert available.rmse == pytest.approx(math.sqrt((1 + 0 + 4) / 3))
    assert available.rmse_to_others == pytest.approx(math.sqrt((1.5**2 + 0 + 16) / 3))
    assert found.raters[2].available.n == 2


def test_an_image_that_only_one_rater_graded_counts_nowhere() -> None:
    """Its error to its own mean would be 0 and flatter the rater."""
    found = rmse_to_panel([[1.0, 3.0], [4.0, NAN]])
    assert found.raters[0].available == AvailableCase(1, 1.0, 2.0)
    assert (found.n_images, found.raters[0].graded) == (1, 2)


def test_leave_one_out_is_m_over_m_minus_one_times_the_published_error() -> None:
    grades = np.random.default_rng(3).integers(1, 6, size=(50, 7)).astype(float)
    for rater in rmse_to_panel(grades).raters:
        assert rater.rmse is not None
        assert rater.rmse_to_others == pytest.approx(rater.rmse * 7 / 6)


@pytest.mark.parametrize(
    ("grades", "reason"),
    [
        (np.zeros((3, 0)), "Nobody counts in the panel yet."),
        (np.ones((3, 1)), "A panel of one has nobody to agree with."),
        (np.zeros((0, 2)), "No image was graded by all 2 raters of the panel."),
        ([[1, NAN], [NAN, 2]], "No image was graded by all 2 raters of the panel."),
    ],
)
def test_without_anything_to_compare_there_is_a_reason_and_no_figure(grades: object, reason: str) -> None:
    found = rmse_to_panel(grades)  # type: ignore[arg-type]
    assert (found.reason, found.worst) == (reason, None)
    for rater in found.raters:
        assert (rater.rmse, rater.rmse_to_others, rater.bias, rater.pearson_to_others) == (None, None, None, None)


def test_a_rater_who_always_gives_one_grade_has_no_correlation() -> None:
    first = rmse_to_panel([[2, 1], [2, 3]]).raters[0]
    assert first.pearson_to_others is None and first.rmse == pytest.approx(0.5)


def test_not_a_number_never_leaves() -> None:
    grades = np.where(np.random.default_rng(1).random((40, 5)) < 0.5, NAN, 3.0)
    grades[:, 4] = NAN
    for rater in rmse_to_panel(grades).raters:
        numbers = [value for value in flat(rater) if value is not None]
        assert np.all(np.isfinite(numbers))


def flat(rater: RaterAgreement) -> list[float | None]:
    fields = asdict(rater)
    return [*fields.pop("available").values(), *fields.values()]


def test_three_dermatologists_figures_are_the_known_ones() -> None:
    if "GOLDFOLD_DATA" not in os.environ:
        pytest.skip("needs the graded photographs; GOLDFOLD_DATA does not say where they are")
    found = rmse_to_panel(_first_copies(Path(os.environ["GOLDFOLD_DATA"]) / "acne04_a"))
    assert (found.n_images, found.n_total) == (559, 603)
    assert [round(rater.rmse or 0, 3) for rater in found.raters] == [0.344, 0.374, 0.309]
    assert [round(rater.rmse_to_others or 0, 3) for rater in found.raters] == [0.517, 0.562, 0.463]


def _first_copies(folder: Path) -> np.ndarray:
    """(images, raters) of the first file, in the order of names, of each content."""
    first: dict[str, str] = {}
    for path in sorted((folder / "images").iterdir()):
        first.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)
    rows = {name: at for at, name in enumerate(first.values())}
    columns = {"expert_a": 0, "general_a": 1, "junior_a": 2}
    table = np.full((len(rows), 3), NAN)
    with (folder / "ratings.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["image"] in rows and row["grade"]:
                table[rows[row["image"]], columns[row["rater"]]] = float(row["grade"])
    return table
