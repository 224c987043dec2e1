"""The lead's commands."""

import csv
import io

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from grading.models import TrainingRun
from grading.tests.panels import add_images, add_raters, answer_all, graded_study
from labeler.models import Study


def said(*args: str) -> str:
    out = io.StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


@pytest.fixture
def compared(study: Study) -> Study:
    raters, images = add_raters(study, 3), add_images(study, 3)
    answer_all(raters, images, [[1, 2, 3], [2, 3, 4], [5, 3, 4]])
    return study


def test_rater_statistics_prints_a_line_for_each_rater(compared: Study) -> None:
    lines = said("rater_statistics", compared.name).splitlines()
    assert "3 of 3 images, 3 of 3 raters" in lines[0]
    assert lines[2].split()[:5] == ["R01", "1.000", "1.500", "-0.500", "0.693"]


def test_rater_statistics_writes_csv_by_codes_at_full_precision(compared: Study) -> None:
    rows = list(csv.DictReader(io.StringIO(said("rater_statistics", str(compared.pk), "--csv", "--scope", "all"))))
    assert [row["rater"] for row in rows] == ["R01", "R02", "R03"]
    assert float(rows[1]["rmse"]) == pytest.approx((1 / 3) ** 0.5, rel=1e-12)
    assert "rater 1" not in str(rows)


def test_train_queues_a_run_with_its_options(study: Study) -> None:
    graded_study(study)
    assert said("train", study.name, "--seed", "4") == "Run 1 is queued.\n"
    assert TrainingRun.objects.get(study=study).seeds == {"split": 4, "regressor": 4}


def test_train_says_what_is_missing(study: Study) -> None:
    with pytest.raises(CommandError, match="no golden set"):
        said("train", study.name)


def test_promote_names_an_unknown_or_unjudged_run(study: Study) -> None:
    graded_study(study)
    with pytest.raises(CommandError, match="has no run 7"):
        said("promote", study.name, "7")
    said("train", study.name)
    with pytest.raises(CommandError, match="ended with an evaluation"):
        said("promote", study.name, "1", "--reason", "why not")
