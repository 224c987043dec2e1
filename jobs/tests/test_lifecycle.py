"""A job ends once, whoever dies and whatever is delivered twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from jobs import lifecycle
from jobs.lifecycle import AlreadyActive, JobLost
from jobs.models import Job, JobState
from jobs.running import FINISHED, JobFailed, Progress, run_job

pytestmark = pytest.mark.django_db


def queued(dedup_key: str = "", **params: Any) -> Job:
    return lifecycle.enqueue("tests.nothing", actor=audit.SYSTEM, params=params, dedup_key=dedup_key)


def worker_dies(job: Job) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    Job.objects.filter(pk=job.pk).update(heartbeat_at=long_ago)


def test_a_second_delivery_does_nothing() -> None:
    job, done = queued(), []
    for _ in range(2):
        run_job(job.pk, lambda progress: done.append(1) or {"done": 1})  # type: ignore[func-returns-value]
    assert done == [1]
    job.refresh_from_db()
    assert (job.state, job.result, job.attempt) == (JobState.DONE, {"done": 1}, 1)


def test_a_claimed_job_can_not_be_claimed_while_its_worker_lives() -> None:
    job = queued()
    assert lifecycle.claim(job.pk) is not None
    assert lifecycle.claim(job.pk) is None


def test_a_dead_workers_job_is_taken_up_and_the_dead_one_can_write_no_more() -> None:
    job = queued()
    first = lifecycle.claim(job.pk)
    assert first is not None
    worker_dies(first)
    second = lifecycle.claim(job.pk)
    assert second is not None and second.attempt == 2
    writes: list[Callable[[], None]] = [
        lambda: lifecycle.report(first, 1, 2, "still here"),
        lambda: lifecycle.beat(first),
        lambda: lifecycle.hold(first),
        lambda: lifecycle.finish(first, {}),
        lambda: lifecycle.fail(first, "late"),
    ]
    for write in writes:
        with pytest.raises(JobLost):
            write()
    lifecycle.finish(second, {"by": "second"})
    job.refresh_from_db()
    assert job.result == {"by": "second"}


def test_take_up_sends_what_was_missed_and_what_was_orphaned(monkeypatch: pytest.MonkeyPatch) -> None:
    missed, orphaned, alive, ended = queued(), queued(), queued(), queued()
    lost = lifecycle.claim(orphaned.pk)
    assert lost is not None
    worker_dies(lost)
    lifecycle.claim(alive.pk)
    won = lifecycle.claim(ended.pk)
    assert won is not None
    lifecycle.finish(won, {})
    sent: list[int] = []
    monkeypatch.setattr(lifecycle, "send", lambda job_id, kind: sent.append(job_id))
    assert lifecycle.take_up() == 2
    assert sorted(sent) == [missed.pk, orphaned.pk]


def test_the_same_work_waits_once_and_may_be_done_again_later() -> None:
    job = queued(dedup_key="train 1")
    with pytest.raises(AlreadyActive) as refused:
        queued(dedup_key="train 1")
    assert refused.value.job == job
    claimed = lifecycle.claim(job.pk)
    assert claimed is not None
    lifecycle.finish(claimed, {})
    assert queued(dedup_key="train 1").pk != job.pk


def test_a_cancelled_job_stops_its_worker_at_the_next_report() -> None:
    job, reached = queued(), []

    def work(progress: Progress) -> dict[str, int]:
        lifecycle.cancel(job, audit.SYSTEM)
        progress.report(1, 2, "half")
        reached.append("after the report")
        return {}

    run_job(job.pk, work)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert reached == []


def test_a_failure_is_kept_in_words_for_people() -> None:
    readable, unexpected = queued(), queued()

    def refuse(progress: Progress) -> dict[str, int]:
        raise JobFailed("No face in any picture.")

    def break_down(progress: Progress) -> dict[str, int]:
        return {"x": 1 // 0}

    run_job(readable.pk, refuse)
    run_job(unexpected.pk, break_down)
    readable.refresh_from_db()
    unexpected.refresh_from_db()
    assert (readable.state, readable.error) == (JobState.FAILED, "No face in any picture.")
    assert "ZeroDivisionError" in unexpected.error


def test_work_that_kills_its_worker_again_and_again_is_given_up(settings: Any) -> None:
    settings.JOB_ATTEMPTS = 2
    job = queued()
    for _ in range(2):
        claimed = lifecycle.claim(job.pk)
        assert claimed is not None
        worker_dies(claimed)
    run_job(job.pk, lambda progress: pytest.fail("must not be tried again"))
    job.refresh_from_db()
    assert job.state == JobState.FAILED and "died 2 times" in job.error


def test_work_may_end_its_job_itself_with_what_it_writes() -> None:
    job = queued()

    def work(progress: Progress) -> Any:
        lifecycle.finish(progress.job, {"own": True})
        return FINISHED

    run_job(job.pk, work)
    job.refresh_from_db()
    assert job.result == {"own": True}


@pytest.mark.django_db(transaction=True)
def test_long_silent_work_keeps_beating(settings: Any) -> None:
    settings.JOB_HEARTBEAT_SECONDS = 0.05
    job, beats = queued(), []

    def work(progress: Progress) -> dict[str, int]:
        first = Job.objects.get(pk=job.pk).heartbeat_at
        for _ in range(1000):
            time.sleep(0.05)
            if Job.objects.get(pk=job.pk).heartbeat_at != first:
                beats.append(1)
                return {}
        return {}

    run_job(job.pk, work)
    assert beats == [1]


@pytest.mark.django_db(transaction=True)
def test_a_database_that_was_away_for_a_moment_does_not_stop_the_heart(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.JOB_HEARTBEAT_SECONDS = 0.05
    job, beats = queued(), threading.Semaphore(0)
    beat = lifecycle.beat
    failures = iter([OperationalError("the database is starting up")])

    def beat_after_a_failure(job: Job) -> None:
        if failure := next(failures, None):
            raise failure
        beat(job)
        beats.release()

    monkeypatch.setattr(lifecycle, "beat", beat_after_a_failure)
    run_job(job.pk, lambda progress: {"beaten": beats.acquire(timeout=20)})
    job.refresh_from_db()
    assert job.result == {"beaten": True}


def test_every_change_of_state_leaves_an_audit_record() -> None:
    job = queued()
    claimed = lifecycle.claim(job.pk)
    assert claimed is not None
    lifecycle.finish(claimed, {})
    verbs = AuditEvent.objects.filter(target_type="jobs.job", target_id=job.pk).values_list("verb", flat=True)
    assert list(verbs.order_by("seq")) == ["job.queued.tests.nothing", "job.done.tests.nothing"]
