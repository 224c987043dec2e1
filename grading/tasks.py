"""Long work on grades, for the worker of the heavy queue."""

from grading.execution import execute_run
from grading.runs import TRAIN, fail_run
from jobs.running import job_task, run_job


@job_task(TRAIN)
def train(job_id: int) -> None:
    run_job(job_id, execute_run, fail_run)
