"""What the commands of a study share: finding it, and saying what was refused."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, OutputWrapper

from jobs.lifecycle import AlreadyActive
from jobs.models import Job, JobState
from labeler.models import Study


def add_study_argument(parser: ArgumentParser) -> None:
    parser.add_argument("study", help="the study's name, or its number")


def find_study(text: str) -> Study:
    """The study of that name, else of that number. Raises CommandError."""
    study = Study.objects.filter(name=text).first()
    if study is None and text.isascii() and text.isdigit():
        study = Study.objects.filter(pk=int(text)).first()
    if study is None:
        names = ", ".join(f"“{name}”" for name in Study.objects.order_by("name").values_list("name", flat=True)[:10])
        raise CommandError(f"There is no study “{text}”. There are: {names or 'none yet'}.")
    return study


def existing_file(text: str) -> Path:
    """The file at that path. Raises CommandError."""
    path = Path(text)
    if not path.is_file():
        raise CommandError(f"{text} is not a file.")
    return path


@contextmanager
def refusals() -> Iterator[None]:
    """What an action refuses becomes the command's one-line error."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from error
    except AlreadyActive as error:
        raise CommandError(
            f"“{error.job.title}” is {error.job.get_state_display()} already in this study (job {error.job.pk}). "
            f"If its process was killed, try again in {settings.JOB_DEAD_AFTER_SECONDS} seconds."
        ) from error


class ProgressLine:
    """One line on a terminal that is written over; elsewhere a line each tenth of the work."""

    def __init__(self, out: OutputWrapper) -> None:
        self.out = out
        self.live = out.isatty()
        self.told = -1

    def __call__(self, done: int, total: int, message: str) -> None:
        tenth = 10 * done // total if total else 10
        if self.live:
            self.out.write(f"\r\x1b[K{done}/{total}: {message}", ending="\n" if done >= total else "")
        elif tenth > self.told:
            self.told = tenth
            self.out.write(f"{done}/{total}: {message}")
        self.out.flush()


def ended(job: Job) -> Job:
    """The job as it ended. Raises CommandError unless it is done."""
    job.refresh_from_db()
    if job.state != JobState.DONE:
        raise CommandError(job.error or f"The job is {job.get_state_display()}.")
    return job
