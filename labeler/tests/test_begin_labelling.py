"""Beginning to label as a job: done once however often it is asked for, told of as it goes, and refused readably."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts import audit
from accounts.models import User
from jobs import lifecycle
from jobs.lifecycle import AlreadyActive
from jobs.models import Job, JobState
from labeler import assignment, begin_labelling, clusters, commitments, dealing, tasks
from labeler.importing import add_image
from labeler.models import Assignment, Commitment, Fold, Membership, Study, StudyState
from labeler.tests.drawn import jpeg

# A job reports on a connection of its own, which must see the rows.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pictures(study: Study, bob_rates: Membership) -> Study:
    for number in range(5):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM, golden=number == 0)
    clusters.recluster(study, actor=audit.SYSTEM)
    return study


def _ended(job: Job) -> Job:
    tasks.begin(job_id=job.pk)
    job.refresh_from_db()
    return job


def test_a_worker_begins_labelling(pictures: Study, alice: User) -> None:
    job = _ended(begin_labelling.enqueue(pictures, actor=audit.Actor(user=alice)))
    pictures.refresh_from_db()
    assert pictures.state == StudyState.LABELLING and Commitment.objects.count() == 1
    assert job.state == JobState.DONE and job.done == job.total
    assert job.result == {"raters": 1, "assignments": 5}


def test_asking_twice_begins_once(pictures: Study) -> None:
    first = begin_labelling.enqueue(pictures, actor=audit.SYSTEM)
    with pytest.raises(AlreadyActive):
        begin_labelling.enqueue(pictures, actor=audit.SYSTEM)
    _ended(first)
    again = _ended(begin_labelling.enqueue(pictures, actor=audit.SYSTEM))
    assert again.state == JobState.DONE and again.result == first.result
    assert (Assignment.objects.count(), Fold.objects.count(), Commitment.objects.count()) == (5, 1, 1)


def test_two_workers_at_once_begin_once(pictures: Study) -> None:
    """Two claims, as when a worker was taken for dead and is not: one waits for the other, and finds it done."""
    jobs = [lifecycle.enqueue(begin_labelling.BEGIN, actor=audit.SYSTEM, study_id=pictures.pk) for _ in range(2)]
    together = threading.Barrier(2)

    def run(job: Job) -> None:
        together.wait()
        tasks.begin(job_id=job.pk)
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, jobs))
    assert [Job.objects.get(pk=job.pk).state for job in jobs] == [JobState.DONE] * 2
    assert (Assignment.objects.count(), Commitment.objects.count()) == (5, 1)


def test_a_refusal_is_told_and_changes_nothing(pictures: Study) -> None:
    add_image(pictures, "late.jpg", jpeg(9), actor=audit.SYSTEM)
    job = _ended(begin_labelling.enqueue(pictures, actor=audit.SYSTEM))
    assert job.state == JobState.FAILED and "have not been searched" in job.error
    assert not Assignment.objects.exists() and Study.objects.get(pk=pictures.pk).state == StudyState.DRAFT


def test_progress_is_seen_while_the_transaction_is_open(pictures: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    job = begin_labelling.enqueue(pictures, actor=audit.SYSTEM)
    seen = []

    def look() -> None:
        seen.append((Job.objects.get(pk=job.pk).message, Study.objects.get(pk=pictures.pk).state))
        connection.close()

    commit = commitments.commit

    def look_and_commit(study: Study, event: str, *, actor: audit.Actor) -> Commitment:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(look).result()
        return commit(study, event, actor=actor)

    monkeypatch.setattr(commitments, "commit", look_and_commit)
    _ended(job)
    assert seen == [("Publishing the commitment", StudyState.DRAFT)]


def test_a_job_that_was_stopped_meanwhile_begins_nothing(pictures: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    job = begin_labelling.enqueue(pictures, actor=audit.SYSTEM)

    def stop() -> None:
        lifecycle.cancel(job, audit.SYSTEM)
        connection.close()

    write = dealing.write

    def stop_and_write(*args: object, **options: object) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(stop).result()
        write(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(assignment, "write", stop_and_write)
    assert _ended(job).state == JobState.CANCELLED
    assert not Assignment.objects.exists() and Study.objects.get(pk=pictures.pk).state == StudyState.DRAFT
