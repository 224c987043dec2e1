"""The example study: whole, marked as synthetic, made once, and with a place for the newcomer."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from grading.consensus import panel_figures
from grading.demo import SIGN_INS, SIMULATED, DemoSize, create_demo, golden_persons, make_example
from grading.models import TrainingRun
from jobs.models import Job, JobState
from jobs.running import run_job
from labeler.models import Assignment, Image, Label, LabelSource, Membership, Role, Study, StudyState
from mlcore.synthetic import CohortConfig, cohort

pytestmark = pytest.mark.django_db
SMALL = DemoSize(images=30, golden=6)


@pytest.fixture(autouse=True)
def _own_files(settings: Settings, tmp_path: Path) -> None:
    settings.GOLDFOLD_HOME = tmp_path


def filled() -> Study:
    study, _ = create_demo(SMALL)
    run_job(Job.objects.get(study_id=study.pk, kind="grading.make_example_study").pk, make_example)
    study.refresh_from_db()
    return study


def test_the_example_is_graded_by_all_but_the_newcomer_and_a_training_waits() -> None:
    study = filled()
    assert study.is_synthetic and study.state == StudyState.LABELLING
    assert Image.objects.filter(study=study).count() == SMALL.images
    raters = Membership.objects.filter(study=study, role=Role.RATER)
    assert raters.count() == 11
    for rater in raters:
        answers = Label.objects.filter(assignment__membership=rater)
        expected = 0 if rater.user else Assignment.objects.filter(membership=rater).count()
        assert answers.count() == expected
        assert not answers.exclude(source=LabelSource.SIMULATION).exists()
    assert len(panel_figures(study).panel) == len(SIMULATED) == 10
    assert TrainingRun.objects.get(study=study).job.state == JobState.QUEUED


def test_an_interrupted_example_goes_on_where_it_stopped_and_twice_is_once() -> None:
    study = filled()
    labels, images = Label.objects.count(), Image.objects.count()
    Job.objects.filter(study_id=study.pk, kind="grading.make_example_study").update(
        state=JobState.QUEUED, finished_at=None
    )
    run_job(Job.objects.get(study_id=study.pk, kind="grading.make_example_study").pk, make_example)
    assert (Label.objects.count(), Image.objects.count(), TrainingRun.objects.count()) == (labels, images, 1)


def test_asking_again_makes_nothing_and_tells_the_same_sign_ins() -> None:
    first, sign_ins = create_demo(SMALL)
    second, same = create_demo(SMALL)
    assert (first, sign_ins) == (second, same)
    assert Study.objects.count() == 1 and User.objects.count() == 2 and Job.objects.count() == 1


def test_the_passphrase_is_random_per_clone_and_for_its_owner_only(tmp_path: Path) -> None:
    _, sign_ins = create_demo(SMALL)
    lead = User.objects.get(email=sign_ins.lead)
    assert lead.check_password(sign_ins.passphrase)
    assert (tmp_path / SIGN_INS).stat().st_mode & 0o077 == 0


def test_there_is_no_example_where_others_reach_the_site(settings: Settings) -> None:
    settings.SITE_URL = "https://grading.example.org"
    with pytest.raises(CommandError, match=r"grading\.example\.org"):
        call_command("create_demo")
    assert not Study.objects.exists() and not User.objects.exists()


def test_nobody_is_both_golden_and_in_training() -> None:
    subjects = cohort(CohortConfig(size=400, seed=2018))
    golden = golden_persons(subjects, 62)
    count = sum(subject.person in golden for subject in subjects)
    assert 62 <= count <= 70
    assert len(subjects) - count >= 330
