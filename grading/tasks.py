"""Celery's side of this app's jobs. Nothing in the site imports this."""

from grading.demo import MAKE_EXAMPLE, make_example
from grading.runs import TRAIN, fail_run
from jobs.running import job_task, run_job
from labeler.clusters import EXAMINE


@job_task(TRAIN)
def train(job_id: int) -> None:
    from grading.execution import execute_run  # noqa: PLC0415 - the light worker reads this file, and has no torch

    run_job(job_id, execute_run, fail_run)


@job_task(MAKE_EXAMPLE)
def fill_example_study(job_id: int) -> None:
    run_job(job_id, make_example)


@job_task(EXAMINE)
def examine(job_id: int) -> None:
    from grading.examining import examine_images  # noqa: PLC0415 - as above: it imports dlib

    run_job(job_id, examine_images)
