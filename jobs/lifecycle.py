"""Every change of a job's state. Each is one conditional update: who finds the row changed has lost."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts import audit
from accounts.audit import Actor
from jobs.models import ACTIVE, Job, JobState

logger = logging.getLogger(__name__)


class AlreadyActive(Exception):
    """The same work is waiting or running already; `job` is that one."""

    def __init__(self, job: Job) -> None:
        super().__init__(f"{job.kind} is {job.get_state_display()} already (job {job.pk})")
        self.job = job


class JobLost(Exception):
    """This claim no longer holds the job: it was cancelled, or taken up by another worker."""


def enqueue(
    kind: str,
    *,
    actor: Actor,
    study_id: int | None = None,
    params: Mapping[str, Any] | None = None,
    dedup_key: str = "",
) -> Job:
    """Write down work to do, and tell a worker once this transaction commits.

    Raises AlreadyActive when a job with the same `dedup_key` is waiting or running.
    """
    job = _write_down(kind, actor=actor, study_id=study_id, params=params, dedup_key=dedup_key)
    transaction.on_commit(lambda: send(job.pk, kind))
    return job


def _write_down(
    kind: str, *, actor: Actor, study_id: int | None, params: Mapping[str, Any] | None, dedup_key: str
) -> Job:
    try:
        with transaction.atomic():
            job = Job.objects.create(
                kind=kind, study_id=study_id, params=dict(params or {}), dedup_key=dedup_key, created_by=actor.user
            )
            audit.record(actor, f"job.queued.{kind}", job, study_id=study_id, after={"params": job.params})
    except IntegrityError:
        active = Job.objects.filter(dedup_key=dedup_key, state__in=ACTIVE).exclude(dedup_key="").first()
        if active is None:
            raise
        raise AlreadyActive(active) from None
    return job


def begin(
    kind: str,
    *,
    actor: Actor,
    study_id: int | None = None,
    params: Mapping[str, Any] | None = None,
    dedup_key: str = "",
) -> Job:
    """Write down work and claim it at once, for a command that does it itself and needs no worker.

    The same work left by a dead process is cancelled: there may be no worker to take it up. Raises AlreadyActive as
    `enqueue` does.
    """
    with transaction.atomic():
        for dead in Job.objects.filter(_orphaned(), dedup_key=dedup_key).exclude(dedup_key=""):
            cancel(dead, actor)
        job = _write_down(kind, actor=actor, study_id=study_id, params=params, dedup_key=dedup_key)
        claimed = claim(job.pk)
    if claimed is None:
        raise RuntimeError(f"{job} was taken in the transaction that made it")
    return claimed


def send(job_id: int, kind: str) -> None:
    """Tell the workers. A broker that is down loses nothing: `take_up` sends what was missed."""
    Job.objects.filter(pk=job_id).update(sent_at=timezone.now())
    try:
        current_app.send_task(kind, kwargs={"job_id": job_id}, retry=False)
    except OperationalError as error:
        logger.warning("job %s waits, as the broker can't be reached (%s); beat will send it", job_id, error)
        Job.objects.filter(pk=job_id).update(sent_at=None)


def claim(job_id: int) -> Job | None:
    """Make the job this worker's: it was waiting, or its worker is dead. None when somebody else has it."""
    now = timezone.now()
    token = uuid.uuid4().hex
    won = (
        Job.objects.filter(pk=job_id)
        .filter(Q(state=JobState.QUEUED) | _orphaned())
        .update(
            state=JobState.RUNNING,
            claimed_by=token,
            heartbeat_at=now,
            attempt=F("attempt") + 1,
            started_at=now,
            error="",
        )
    )
    return Job.objects.get(pk=job_id, claimed_by=token) if won else None


def _held(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, claimed_by=job.claimed_by)


def _orphaned() -> Q:
    dead_since = timezone.now() - timedelta(seconds=settings.JOB_DEAD_AFTER_SECONDS)
    return Q(state=JobState.RUNNING, heartbeat_at__lt=dead_since)


def beat(job: Job) -> None:
    """Say that this worker lives. Raises JobLost when the claim no longer holds."""
    if not _held(job).update(heartbeat_at=timezone.now()):
        raise JobLost(str(job))


def report(job: Job, done: int, total: int, message: str) -> None:
    """Show progress (and beat). Raises JobLost when the claim no longer holds."""
    if not _held(job).update(done=done, total=total, message=message[:300], heartbeat_at=timezone.now()):
        raise JobLost(str(job))


def hold(job: Job) -> None:
    """Lock the row until the transaction ends, so that what is written with it is written by the claim's holder only.

    Raises JobLost when the claim no longer holds.
    """
    if not _held(job).select_for_update().exists():
        raise JobLost(str(job))


def finish(job: Job, result: Mapping[str, Any]) -> None:
    """The work is done. Raises JobLost when the claim no longer holds."""
    _end(job, state=JobState.DONE, result=dict(result), done=F("total"))


def fail(job: Job, error: str) -> None:
    """The work can't be done; `error` tells a person why. Raises JobLost when the claim no longer holds."""
    _end(job, state=JobState.FAILED, error=error)


@transaction.atomic
def _end(job: Job, **fields: Any) -> None:
    if not _held(job).update(**fields, finished_at=timezone.now()):
        raise JobLost(str(job))
    job.refresh_from_db()
    audit.record(
        audit.SYSTEM, f"job.{job.state}.{job.kind}", job, study_id=job.study_id, after={"error": job.error[:500]}
    )


@transaction.atomic
def cancel(job: Job, actor: Actor) -> bool:
    """Stop waiting or running work; a running worker notices at its next report. False when it had ended already."""
    ended = Job.objects.filter(pk=job.pk, state__in=ACTIVE).update(state=JobState.CANCELLED, finished_at=timezone.now())
    if ended:
        audit.record(actor, f"job.cancelled.{job.kind}", job, study_id=job.study_id)
    return bool(ended)


def take_up() -> int:
    """Send again what no worker was told of, and what a dead worker left. Returns how many were sent."""
    unheard = timezone.now() - timedelta(seconds=settings.JOB_DEAD_AFTER_SECONDS)
    waiting = Q(state=JobState.QUEUED) & (Q(sent_at__isnull=True) | Q(sent_at__lt=unheard))
    found = list(Job.objects.filter(waiting | _orphaned()).values_list("pk", "kind"))
    for job_id, kind in found:
        send(job_id, kind)
    return len(found)
