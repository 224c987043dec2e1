"""`manage.py import_grades STUDY FILE`: grades made elsewhere come into a study."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from jobs.running import run_claimed
from labeler import import_jobs
from labeler.csv_table import BadTable
from labeler.importing_grades import check_grades
from labeler.management.study_argument import (
    ProgressLine,
    add_study_argument,
    ended,
    existing_file,
    find_study,
    refusals,
)


class Command(BaseCommand):
    help = (
        "Import grades that were made elsewhere: a CSV file in UTF-8 with the columns image (a name under which it was "
        "imported), rater and grade (a level's value or name; empty: missing). Its raters become members without "
        "sign-in. A grade of the second name of one content is that rater's repeat. The file is checked whole before "
        "anything is written; importing again adds nothing; a grade that differs from one already there is named and "
        "left out."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("csv", help="the table of grades")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        path = existing_file(options["csv"])
        try:
            check_grades(study, path.name, path.read_bytes())
        except BadTable as error:
            raise CommandError(str(error)) from error
        with refusals():
            job = import_jobs.begin_grades(study, path, actor=audit.SYSTEM)
        run_claimed(job, import_jobs.telling(import_jobs.grades_work, ProgressLine(self.stdout)), import_jobs.failed)
        for conflict in ended(job).result["conflicts"]:
            self.stderr.write(
                f"row {conflict['row']}: {conflict['rater']} graded {conflict['name']} {conflict['kept']}; "
                f"{conflict['refused']} was left out"
            )
