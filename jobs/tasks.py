"""Beat's share of long work."""

from celery import shared_task

from jobs import lifecycle


@shared_task(name="jobs.take_up", ignore_result=True)  # type: ignore[untyped-decorator]
def take_up() -> None:
    lifecycle.take_up()
