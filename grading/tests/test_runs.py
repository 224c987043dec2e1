"""The life of a run: one at a time, and an end for each."""

import threading

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, User
from grading.consensus import freeze_figures, panel_figures
from grading.models import Evaluation, Promotion, Scope, TrainingRun
from grading.runs import RunConfig, cancel_run, current_promotion, fail_run, promote, start_run
from grading.tests.panels import add_images, graded_study
from jobs import lifecycle
from jobs.models import Job, JobState
from labeler.models import Study
from labeler.studies import create_study


@pytest.fixture
def graded(study: Study) -> Study:
    graded_study(study)
    return study


def evaluated(run: TrainingRun, *, passed: bool) -> Evaluation:
    """The run as if it had ended."""
    lifecycle.cancel(run.job, audit.SYSTEM)
    run.artifact, run.finished_at = "studies/1/runs/0001", timezone.now()
    run.save()
    return Evaluation.objects.create(
        run=run,
        consensus_version=freeze_figures(run.study, panel_figures(run.study, Scope.GOLDEN), audit.SYSTEM),
        gate={"kind": "worst rater", "rater": "R01", "bar": 0.5},
        gate_declared_at=timezone.now(),
        metrics={"rmse": 0.4 if passed else 0.6},
        passed=passed,
    )


def test_a_run_is_queued_with_its_configuration_numbered_and_audited(graded: Study, alice: User) -> None:
    run = start_run(graded, audit.Actor(alice), RunConfig(seed=5))
    assert (run.number, run.job.kind, run.job.state, run.finished_at) == (
        1,
        "grading.train_model",
        JobState.QUEUED,
        None,
    )
    assert run.seeds == {"split": 5, "regressor": 5} and run.configuration["backbone"] == "best"
    assert AuditEvent.objects.get(verb="run.started").actor == alice


def test_a_second_run_waits_for_the_first_to_end(graded: Study) -> None:
    first = start_run(graded, audit.SYSTEM)
    with pytest.raises(ValidationError, match="active already"):
        start_run(graded, audit.SYSTEM)
    assert cancel_run(first, audit.SYSTEM)
    assert start_run(graded, audit.SYSTEM).number == 2


def test_the_database_itself_holds_one_active_run_per_study(graded: Study) -> None:
    start_run(graded, audit.SYSTEM)
    other = lifecycle.enqueue("grading.train_model", actor=audit.SYSTEM)
    with pytest.raises(IntegrityError, match="run_one_active_per_study"), transaction.atomic():
        TrainingRun.objects.create(study=graded, number=2, job=other, configuration={}, seeds={})


@pytest.mark.django_db(transaction=True)
def test_of_two_starts_at_the_same_moment_one_wins() -> None:
    study = create_study("Raced", actor=audit.SYSTEM, lead=None, seed=1)
    graded_study(study)
    together, outcomes = threading.Barrier(2), []

    def start() -> None:
        together.wait()
        try:
            outcomes.append(start_run(study, audit.SYSTEM).number)
        except ValidationError:
            outcomes.append(0)
        finally:
            connection.close()

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, 1]
    assert TrainingRun.objects.count() == 1 and Job.objects.filter(kind="grading.train_model").count() == 1


def test_what_can_not_be_trained_is_refused_with_a_reason(study: Study) -> None:
    with pytest.raises(ValidationError, match="no golden set"):
        start_run(study, audit.SYSTEM)
    add_images(study, 1, golden=1)
    with pytest.raises(ValidationError, match=r"panel has 0 rater\(s\)"):
        start_run(study, audit.SYSTEM)
    assert not TrainingRun.objects.exists() and not Job.objects.exists()


@pytest.mark.parametrize(
    ("config", "reason"),
    [(RunConfig(backbone="alexnet"), "no backbone 'alexnet'"), (RunConfig(group_column="visit"), "column 'visit'")],
)
def test_a_configuration_that_can_not_be_is_refused(graded: Study, config: RunConfig, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        start_run(graded, audit.SYSTEM, config)


def test_cancelling_ends_run_and_job_once(graded: Study, alice: User) -> None:
    run = start_run(graded, audit.SYSTEM)
    assert cancel_run(run, audit.Actor(alice)) and not cancel_run(run, audit.Actor(alice))
    run.refresh_from_db()
    assert run.job.state == JobState.CANCELLED and run.finished_at is not None
    assert AuditEvent.objects.filter(verb="run.cancelled", actor=alice).count() == 1


def test_a_run_whose_job_was_cancelled_elsewhere_blocks_no_other(graded: Study) -> None:
    run = start_run(graded, audit.SYSTEM)
    lifecycle.cancel(run.job, audit.SYSTEM)
    assert start_run(graded, audit.SYSTEM).number == 2


def test_failing_ends_run_and_job_together(graded: Study) -> None:
    run = start_run(graded, audit.SYSTEM)
    job = lifecycle.claim(run.job_id)
    assert job is not None
    fail_run(job, "The weights are missing.")
    run.refresh_from_db()
    assert (run.job.state, run.job.error) == (JobState.FAILED, "The weights are missing.")
    assert run.finished_at is not None


def test_a_run_that_passed_is_promoted_and_the_latest_counts(graded: Study, alice: User) -> None:
    first, second = (start_and_end(graded) for _ in range(2))
    promote(first, audit.Actor(alice))
    promote(second, audit.Actor(alice))
    now = current_promotion(graded.pk)
    assert now is not None and (now.run, now.by, now.reason) == (second, alice, "")
    event = AuditEvent.objects.filter(verb="run.promoted").latest("seq")
    assert (event.before, event.after) == ({"run": 1}, {"run": 2, "passed": True, "reason": ""})


def start_and_end(study: Study, *, passed: bool = True) -> TrainingRun:
    run = start_run(study, audit.SYSTEM)
    evaluated(run, passed=passed)
    return run


def test_a_run_that_did_not_pass_needs_a_reason(graded: Study) -> None:
    run = start_and_end(graded, passed=False)
    with pytest.raises(ValidationError, match="did not pass"):
        promote(run, audit.SYSTEM, "  ")
    assert promote(run, audit.SYSTEM, "A first demonstration.").reason == "A first demonstration."


def test_a_run_without_an_evaluation_is_not_promoted(graded: Study) -> None:
    with pytest.raises(ValidationError, match="ended with an evaluation"):
        promote(start_run(graded, audit.SYSTEM), audit.SYSTEM, "anyway")
    assert not Promotion.objects.exists()
