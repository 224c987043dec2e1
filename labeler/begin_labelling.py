"""Beginning to label as a job: a large study takes longer than a page may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet

from accounts.audit import Actor
from jobs import lifecycle
from jobs.models import Job
from jobs.running import FINISHED, JobFailed, Progress, Report
from labeler.assignment import assign
from labeler.models import Assignment, Commitment, Fold, Study, StudyState

BEGIN: Final = "labeler.begin_labelling"


def enqueue(study: Study, *, actor: Actor) -> Job:
    """Have a worker assign the images and begin labelling. Raises jobs.lifecycle.AlreadyActive."""
    return lifecycle.enqueue(BEGIN, actor=actor, study_id=study.pk, dedup_key=f"begin labelling of study {study.pk}")


def work(progress: Progress) -> Mapping[str, Any]:
    """What a job of kind BEGIN does. Where labelling has begun already, it says so and ends well."""
    job = progress.job
    if job.study_id is None:
        raise JobFailed("The job names no study.")
    try:
        with _aside(progress) as report, transaction.atomic():
            # Who waits here for another worker that does the same finds it done.
            study = Study.objects.select_for_update(no_key=True).get(pk=job.study_id)
            if not _begun(study):
                assign(study, actor=Actor(user=job.created_by), report=report)
            lifecycle.finish(job, _result(study))
    except ValidationError as error:
        raise JobFailed(" ".join(error.messages)) from error
    return FINISHED


def _begun(study: Study) -> bool:
    return study.state != StudyState.DRAFT and _folds(study).exists() and _committed(study)


def _committed(study: Study) -> bool:
    return Commitment.objects.filter(study=study).exists()


def _folds(study: Study) -> QuerySet[Fold]:
    return Fold.objects.filter(study=study)


def _result(study: Study) -> dict[str, int]:
    queued = Assignment.objects.filter(membership__study=study, rendition__isnull=False)
    return {"raters": _folds(study).count(), "assignments": queued.count()}


@contextmanager
def _aside(progress: Progress) -> Iterator[Report]:
    """Report on a connection of its own, which another thread has.

    Within the long transaction nobody would see a report, and the heartbeat would wait for it to end.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="report") as aside:
        try:
            yield lambda done, total, message: aside.submit(progress.report, done, total, message).result()
        finally:
            # Which connection that is depends on the thread that asks.
            aside.submit(lambda: connection.close()).result()
