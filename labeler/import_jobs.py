"""Imports as jobs: written down once, done by a worker or by the command that asked for it, in the same way."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from jobs import lifecycle
from jobs.lifecycle import AlreadyActive
from jobs.models import Job
from jobs.running import FINISHED, JobFailed, Progress, Work, seldom
from labeler import clusters
from labeler.csv_table import BadTable
from labeler.import_lots import NoSuchPlace, Where, take
from labeler.importing_grades import import_grades
from labeler.importing_many import import_images
from labeler.models import Study
from labeler.sources.cloud import CloudFailed
from labeler.uploads import Upload

logger = logging.getLogger(__name__)

IMAGES = "labeler.import_images"
GRADES = "labeler.import_grades"

Report = Callable[[int, int, str], None]


def dedup_key(study: Study) -> str:
    """One import at a time in a study."""
    return f"import into study {study.pk}"


def enqueue_grades(study: Study, upload: Upload, *, actor: Actor) -> Job:
    """Have a worker import the table of grades that a browser sent. Raises jobs.lifecycle.AlreadyActive."""
    params = {"upload": upload.token}
    return lifecycle.enqueue(GRADES, actor=actor, study_id=study.pk, params=params, dedup_key=dedup_key(study))


def enqueue_images(study: Study, where: Where, *, actor: Actor) -> Job:
    """Have a worker import pictures from where they are. Raises jobs.lifecycle.AlreadyActive."""
    params = where.as_params()
    return lifecycle.enqueue(IMAGES, actor=actor, study_id=study.pk, params=params, dedup_key=dedup_key(study))


def begin_images(study: Study, where: Where, *, actor: Actor) -> Job:
    """A job, claimed by this process, to import pictures. Raises jobs.lifecycle.AlreadyActive."""
    params = where.as_params()
    return lifecycle.begin(IMAGES, actor=actor, study_id=study.pk, params=params, dedup_key=dedup_key(study))


def begin_grades(study: Study, table: Path, *, actor: Actor) -> Job:
    """A job, claimed by this process, to import a table of grades. Raises jobs.lifecycle.AlreadyActive."""
    params = {"table": str(table.resolve())}
    return lifecycle.begin(GRADES, actor=actor, study_id=study.pk, params=params, dedup_key=dedup_key(study))


def images_work(progress: Progress) -> Mapping[str, Any]:
    """What a job of kind IMAGES does."""
    job, study, actor = _given(progress)
    try:
        lot = take(Where.from_params(job.params))
        report = import_images(study, lot.sources, lot.facts, actor=actor, report=seldom(progress.report))
    except (BadTable, NotADirectoryError, NoSuchPlace, CloudFailed) as error:
        raise JobFailed(str(error)) from error
    except ValidationError as error:
        raise JobFailed(" ".join(error.messages)) from error
    counts = {"added": report.added, "golden": report.golden, "refused": report.refused_count, "job": job.pk}
    with transaction.atomic():
        audit.record(actor, "images.imported", study, study_id=study.pk, after=counts)
        _have_examined(study, actor)
        lifecycle.finish(job, report.as_result())
    _drop_upload(job)
    return FINISHED


def _have_examined(study: Study, actor: Actor) -> None:
    """New pictures are looked at for faces and near-duplicates before they are dealt.

    Not only those of this import: one that was killed or failed left its own behind.
    """
    if not clusters.not_searched(study):
        return
    try:
        clusters.search(study, actor=actor)
    except AlreadyActive as error:
        logger.info("study %s: %s looks at the new pictures too", study.pk, error.job)


def grades_work(progress: Progress) -> Mapping[str, Any]:
    """What a job of kind GRADES does."""
    job, study, actor = _given(progress)
    progress.report(0, 1, "Reading the table")
    try:
        # Grades can't be taken back: they are written by the claim's holder, with the record of who brought them.
        with transaction.atomic():
            report = import_grades(study, *_grades_table(job), actor=actor)
            counts = {"added": report.added, "conflicts": len(report.conflicts), "job": job.pk}
            audit.record(actor, "grades.imported", study, study_id=study.pk, after=counts)
            progress.report(1, 1, report.sentence())
            lifecycle.finish(job, asdict(report))
    except BadTable as error:
        raise JobFailed(str(error)) from error
    except ValidationError as error:
        raise JobFailed(" ".join(error.messages)) from error
    _drop_upload(job)
    return FINISHED


def failed(job: Job, error: str) -> None:
    """End a job that can't be done, and drop what was uploaded for it. What came in until then is looked at."""
    with transaction.atomic():
        lifecycle.fail(job, error)
        study = Study.objects.filter(pk=job.study_id or 0).first()
        if job.kind == IMAGES and study is not None:
            _have_examined(study, Actor(user=job.created_by))
    _drop_upload(job)


def cancel(job: Job, actor: Actor) -> bool:
    """Stop an import, and drop what was uploaded for it. False when it had ended already."""
    ended = lifecycle.cancel(job, actor)
    if ended:
        _drop_upload(job)
    return ended


def telling(work: Work, tell: Report) -> Work:
    """The same work, telling somebody at a terminal too."""

    class Telling(Progress):
        def report(self, done: int, total: int, message: str) -> None:
            super().report(done, total, message)
            tell(done, total, message)

    return lambda progress: work(Telling(progress.job))


def _given(progress: Progress) -> tuple[Job, Study, Actor]:
    job = progress.job
    if job.study_id is None:
        raise JobFailed("The job names no study.")
    return job, Study.objects.get(pk=job.study_id), Actor(user=job.created_by)


def _grades_table(job: Job) -> tuple[str, bytes]:
    if "upload" in job.params:
        table = Upload(job.params["upload"]).table()
        if table is None:
            raise JobFailed("What was uploaded is no longer there; please send the table again.")
        return table
    path = Path(job.params["table"])
    return path.name, path.read_bytes()


def _drop_upload(job: Job) -> None:
    """Only once the job has ended: a worker that takes it up again after a crash still needs the files."""
    if "upload" in job.params:
        Upload(job.params["upload"]).remove()
