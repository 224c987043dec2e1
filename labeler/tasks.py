"""Celery's side of this app's jobs. Nothing in the site imports this."""

from celery import shared_task

from jobs.running import job_task, run_job
from labeler import begin_labelling, file_store, import_jobs, uploads, verifying_job


@job_task(begin_labelling.BEGIN)
def begin(job_id: int) -> None:
    run_job(job_id, begin_labelling.work)


@job_task(import_jobs.IMAGES)
def import_images(job_id: int) -> None:
    run_job(job_id, import_jobs.images_work, import_jobs.failed)


@job_task(import_jobs.GRADES)
def import_grades(job_id: int) -> None:
    run_job(job_id, import_jobs.grades_work, import_jobs.failed)


@job_task(verifying_job.VERIFY)
def verify_commitment(job_id: int) -> None:
    run_job(job_id, verifying_job.work)


@shared_task(name="labeler.sweep_uploads", ignore_result=True)  # type: ignore[untyped-decorator]
def sweep_uploads() -> None:
    uploads.sweep()
    file_store.sweep()
