"""`manage.py import_images STUDY FOLDER`: a folder of pictures comes into a study."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from jobs.running import run_claimed
from labeler import import_jobs
from labeler.csv_table import BadTable
from labeler.import_table import read_facts
from labeler.management.study_argument import (
    ProgressLine,
    add_study_argument,
    ended,
    existing_file,
    find_study,
    refusals,
)
from labeler.sources import scan_folder


class Command(BaseCommand):
    help = (
        "Import every picture below FOLDER, in the natural order of names. Originals are kept byte for byte and shown "
        "to nobody; raters get an upright copy without metadata. A file whose content is there already becomes a "
        "second name of that image; a broken file is named, and the rest goes on; importing again adds nothing. "
        "It needs no worker. Exit status 1 only when nothing could be imported at all."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("folder", help="where the pictures are")
        parser.add_argument(
            "--csv",
            metavar="FILE",
            help=(
                "a table in UTF-8 with the columns file (or image: the name below FOLDER), golden (yes or no), person, "
                "and any others, which are kept as the file's metadata; it is checked whole before anything is written"
            ),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        folder = Path(options["folder"])
        table = existing_file(options["csv"]) if options["csv"] else None
        _check(folder, table)
        with refusals():
            job = import_jobs.begin_folder(study, folder, table, actor=audit.SYSTEM)
        work = import_jobs.telling(import_jobs.images_work, ProgressLine(self.stdout))
        run_claimed(job, work, import_jobs.failed)
        self._tell(ended(job).result)

    def _tell(self, result: dict[str, Any]) -> None:
        for same in result["same_content"]:
            self.stdout.write(f"same content: {same['name']} is a second name of {same['first_name']}")
        for note in result["notes"]:
            self.stdout.write(f"note: {note['name']}: {note['reason']}")
        for refused in result["refused"]:
            self.stderr.write(f"refused: {refused['name']}: {refused['reason']}")
        if not result["added"] and not result["same_content"] and not result["golden"]:
            self.stdout.write("Nothing was added.")


def _check(folder: Path, table: Path | None) -> None:
    """Say what is wrong before a job is written down for it."""
    try:
        names = {source.name for source in scan_folder(folder, leave_out=table)}
        if not names:
            raise CommandError(f"There is no file in {folder}.")
        if table is not None:
            read_facts(table.name, table.read_bytes(), names)
    except (NotADirectoryError, BadTable) as error:
        raise CommandError(str(error)) from error
