"""`manage.py export_labels STUDY`: a study's labels as CSV."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import audit
from labeler.exporting import LABELS, Format, export_table
from labeler.management.out_argument import add_out_argument, write_out
from labeler.management.study_argument import add_study_argument, find_study


class Command(BaseCommand):
    help = (
        "Write a study's labels as CSV (UTF-8), one row for each label that counts; raters appear by their code. "
        "Text that a spreadsheet would take for a formula begins with an apostrophe. "
        "`export` writes the other tables, and other formats."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        add_out_argument(parser)
        parser.add_argument("--all-versions", action="store_true", help="earlier answers too, which no longer count")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        data = export_table(study, LABELS, Format.CSV, actor=audit.SYSTEM, all_versions=options["all_versions"])
        write_out(data, options["out"], self.stdout)
