"""`manage.py export STUDY TABLE`: any of a study's tables, in any format."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from grading.exporting import TABLES, find_table
from labeler.exporting import Format, export_table
from labeler.management.out_argument import add_out_argument, write_out
from labeler.management.study_argument import add_study_argument, find_study


class Command(BaseCommand):
    help = (
        "Write a table of a study: UTF-8 CSV for spreadsheets, JSON Lines, or Parquet with types. "
        "The columns are explained in docs/exports.md and in dictionary.csv on the study's page Export. "
        "Whoever reads labels, assignments, images, consensus or predictions learns which images are golden, so keep "
        "them from this study's raters until it is closed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("table", choices=[table.name for table in TABLES])
        parser.add_argument("--format", choices=[kind.value for kind in Format], default=Format.CSV.value)
        parser.add_argument("--all-versions", action="store_true", help="what no longer counts, too")
        add_out_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        study, table = find_study(options["study"]), find_table(options["table"])
        if table is None:
            raise CommandError(f"There is no table “{options['table']}”.")
        everything = options["all_versions"]
        data = export_table(study, table, Format(options["format"]), actor=audit.SYSTEM, all_versions=everything)
        write_out(data, options["out"], self.stdout)
