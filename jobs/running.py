"""What every long task does around its work: claim, beat, report, end. `job_task` is the only way to make one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from celery import Task, shared_task
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from jobs import lifecycle
from jobs.lifecycle import JobLost
from jobs.models import Job

logger = logging.getLogger(__name__)

TELL_EVERY = 0.5  # seconds


class JobFailed(Exception):
    """The work can't be done, for a reason that a person can read and act on. Raised by the work itself."""


class Progress:
    """What work gets to report by. Reporting raises JobLost once the job was cancelled or taken up elsewhere."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def report(self, done: int, total: int, message: str) -> None:
        lifecycle.report(self.job, done, total, message)


Work = Callable[[Progress], Mapping[str, Any]]
# done, total, and what else is told
Report = Callable[..., None]


def seldom(report: Report) -> Report:
    """The same report, but only the first, the last (done == total), and at most one each `TELL_EVERY` between.

    Each report is a row written.
    """
    last = -TELL_EVERY

    def tell(done: int, total: int, *words: str) -> None:
        nonlocal last
        now = time.monotonic()
        if done == total or now - last >= TELL_EVERY:
            last = now
            report(done, total, *words)

    return tell


def _beat_until(stop: threading.Event, job: Job) -> None:
    """Beat from a thread of its own, so that one long computation doesn't look like a dead worker.

    A database that is away for a moment costs a beat, not the heart.
    """
    try:
        while not stop.wait(settings.JOB_HEARTBEAT_SECONDS):
            try:
                lifecycle.beat(job)
            except DatabaseError:
                logger.warning("%s: a heartbeat was missed", job, exc_info=True)
                connection.close()
    except JobLost:
        logger.info("%s: claim lost, heartbeat ends", job)
    finally:
        connection.close()


def run_job(job_id: int, work: Work, failed: Callable[[Job, str], None] = lifecycle.fail) -> None:
    """Claim the job, do `work`, and end it; a second delivery of the same job does nothing.

    `failed(job, error)` must end the job (by `lifecycle.fail`) together with whatever else its failure changes.
    """
    job = lifecycle.claim(job_id)
    if job is None:
        logger.info("job %s: ended already or in other hands", job_id)
        return
    run_claimed(job, work, failed)


def run_claimed(job: Job, work: Work, failed: Callable[[Job, str], None] = lifecycle.fail) -> None:
    """Do the work of a job that this process has claimed (`lifecycle.begin`), and end it."""
    stop = threading.Event()
    heart = threading.Thread(target=_beat_until, args=(stop, job), name=f"heartbeat of job {job.pk}", daemon=True)
    heart.start()
    try:
        _attempt(job, work, failed)
    except JobLost:
        logger.warning("%s: cancelled or taken up by another worker; this one stops", job)
    finally:
        stop.set()
        heart.join()


def _attempt(job: Job, work: Work, failed: Callable[[Job, str], None]) -> None:
    if job.attempt > settings.JOB_ATTEMPTS:
        failed(job, f"Given up: the worker died {settings.JOB_ATTEMPTS} times while it did this.")
        return
    try:
        result = work(Progress(job))
    except JobLost:
        raise
    except JobFailed as error:
        failed(job, str(error))
    except Exception as error:
        # The boundary of a job: whatever broke is logged, kept, and shown to the lead.
        logger.exception("%s failed", job)
        failed(job, f"Unexpected error ({type(error).__name__}). The worker's log says more.")
    else:
        if result is not FINISHED:
            lifecycle.finish(job, result)


# Returned by work that has called `lifecycle.finish` itself, in one transaction with what it wrote.
FINISHED: Mapping[str, Any] = {}


def job_task(kind: str) -> Callable[[Callable[[int], None]], Task]:
    """Make a function of a job's id the Celery task of that kind.

    Acknowledged late, so that a broker's redelivery reaches a live worker; the claim makes a second delivery harmless.
    """

    def decorate(function: Callable[[int], None]) -> Task:
        return shared_task(name=kind, acks_late=True, ignore_result=True)(function)

    return decorate
