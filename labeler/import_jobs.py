"""Imports as jobs: written down once, done by a worker or by the command that asked for it, in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from jobs import lifecycle
from jobs.models import Job
from jobs.running import FINISHED, JobFailed, Progress, Work, seldom
from labeler.csv_table import BadTable
from labeler.import_table import Facts, read_facts
from labeler.importing_folder import import_images
from labeler.importing_grades import import_grades
from labeler.models import Study
from labeler.sources import Source, scan_folder
from labeler.uploads import Upload

IMAGES = "labeler.import_images"
GRADES = "labeler.import_grades"

Report = Callable[[int, int, str], None]


def dedup_key(study: Study) -> str:
    """One import at a time in a study."""
    return f"import into study {study.pk}"


def enqueue_upload(kind: str, study: Study, upload: Upload, *, actor: Actor) -> Job:
    """Have a worker import what a browser sent. Raises jobs.lifecycle.AlreadyActive."""
    params = {"upload": upload.token}
    return lifecycle.enqueue(kind, actor=actor, study_id=study.pk, params=params, dedup_key=dedup_key(study))


def begin_folder(study: Study, folder: Path, table: Path | None, *, actor: Actor) -> Job:
    """A job, claimed by this process, to import a folder of this machine. Raises jobs.lifecycle.AlreadyActive."""
    params = {"folder": str(folder.resolve()), "table": str(table.resolve()) if table else ""}
    return lifecycle.begin(IMAGES, actor=actor, study_id=study.pk, params=params, dedup_key=dedup_key(study))


def begin_grades(study: Study, table: Path, *, actor: Actor) -> Job:
    """A job, claimed by this process, to import a table of grades. Raises jobs.lifecycle.AlreadyActive."""
    params = {"table": str(table.resolve())}
    return lifecycle.begin(GRADES, actor=actor, study_id=study.pk, params=params, dedup_key=dedup_key(study))


def images_work(progress: Progress) -> Mapping[str, Any]:
    """What a job of kind IMAGES does."""
    job, study, actor = _given(progress)
    try:
        sources, facts = _images_of(job)
        report = import_images(study, sources, facts, actor=actor, report=seldom(progress.report))
    except (BadTable, NotADirectoryError) as error:
        raise JobFailed(str(error)) from error
    except ValidationError as error:
        raise JobFailed(" ".join(error.messages)) from error
    counts = {"added": report.added, "golden": report.golden, "refused": len(report.refused), "job": job.pk}
    progress.report(len(sources), len(sources), report.sentence())
    with transaction.atomic():
        audit.record(actor, "images.imported", study, study_id=study.pk, after=counts)
        lifecycle.finish(job, asdict(report))
    _drop_upload(job)
    return FINISHED


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
    """End a job that can't be done, and drop what was uploaded for it."""
    lifecycle.fail(job, error)
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


def _images_of(job: Job) -> tuple[list[Source], dict[str, Facts]]:
    """The files to import, and what a table tells of them. Raises BadTable and NotADirectoryError."""
    if "upload" in job.params:
        upload = Upload(job.params["upload"])
        sources, table = upload.sources(), upload.table()
    else:
        path = Path(job.params["table"]) if job.params["table"] else None
        sources = scan_folder(Path(job.params["folder"]), leave_out=path)
        table = (path.name, path.read_bytes()) if path else None
    names = {source.name for source in sources}
    return sources, read_facts(*table, names) if table else {}


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
