"""`manage.py export_labels STUDY`: a study's labels as CSV."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from labeler.export import export_labels
from labeler.management.study_argument import add_study_argument, find_study


class Command(BaseCommand):
    help = (
        "Write a study's labels as CSV (UTF-8), one row for each label that counts; raters appear by their code. "
        "Text that a spreadsheet would take for a formula begins with an apostrophe."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("--out", metavar="FILE", help="where to write (default: standard output)")
        parser.add_argument("--all-versions", action="store_true", help="earlier answers too, which no longer count")

    def handle(self, *args: Any, **options: Any) -> None:
        lines = export_labels(find_study(options["study"]), actor=audit.SYSTEM, all_versions=options["all_versions"])
        if not options["out"]:
            for line in lines:
                self.stdout.write(line, ending="")
            return
        try:
            with Path(options["out"]).open("w", encoding="utf-8", newline="") as file:
                file.writelines(lines)
        except OSError as error:
            raise CommandError(f"{options['out']} can't be written: {error.strerror}.") from error
