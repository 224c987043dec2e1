"""`manage.py choose_golden STUDY`: golden images by a table, or a random draw when labelling begins."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from labeler import golden
from labeler.csv_table import BadTable
from labeler.management.study_argument import add_study_argument, existing_file, find_study, refusals
from labeler.models import Study


class Command(BaseCommand):
    help = (
        "Choose the golden images of a study that is being set up: those that a table names, or so many drawn at "
        "random when labelling begins, which nobody sees before the close. Near-duplicates and pictures of one person "
        "go together. Both may be used. Example: choose_golden 'Pilot 2024' --draw 60 --stratify sex"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument(
            "--csv", metavar="FILE", help="a table with the columns file and, optional, golden (yes or no)"
        )
        how.add_argument("--draw", type=int, metavar="N", help="how many to draw when labelling begins; 0 for none")
        parser.add_argument(
            "--stratify",
            metavar="COLUMN",
            default="",
            help="draw in proportion to the values of this column of the images' tables",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        if options["csv"] and options["stratify"]:
            raise CommandError("--stratify goes with --draw.")
        with refusals():
            if options["csv"]:
                self._choose(study, options["csv"])
            else:
                self._plan(study, options["draw"], options["stratify"])

    def _choose(self, study: Study, path: str) -> None:
        file = existing_file(path)
        try:
            done = golden.choose_from_table(study, file.name, file.read_bytes(), actor=audit.SYSTEM)
        except BadTable as error:
            raise CommandError(str(error)) from error
        stands = golden.standing(study)
        self.stdout.write(
            f"{done.chosen} images became golden, {done.unchosen} ceased to be; {stands.chosen} are chosen now. "
            "Whoever made the table knows them, and should not rate."
        )

    def _plan(self, study: Study, size: int, column: str) -> None:
        golden.plan_draw(study, size, column, actor=audit.SYSTEM)
        for stratum in golden.strata(study, column, size) if column else []:
            self.stdout.write(f"  {column} {stratum.value or '(no value)'}: {stratum.drawn} of {stratum.images}")
        self.stdout.write(f"{size} images will be drawn when labelling begins.")
