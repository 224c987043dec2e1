"""`manage.py verify_commitment STUDY`: do its commitments hold?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeler.management.study_argument import add_study_argument, find_study
from labeler.verification import changed_originals, verify


class Command(BaseCommand):
    help = (
        "Check every commitment of a study: its document against the SHA-256 that was published, each document against "
        "the one before, the first against its seed, and the last against the database. Exit status 1 when something "
        "does not hold. "
        "docs/commitment.md says how to check the same without this site."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("--files", action="store_true", help="also read every dealt image's stored file")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        found = verify(study)
        for one in found.commitments:
            self.stdout.write(f"{'holds' if one.holds else 'FAILS':5}  {one.number}  {one.sha256}")
        problems = [*found.all_problems, *(changed_originals(study) if options["files"] else ())]
        if problems or not found.holds:
            raise CommandError("\n".join(problems))
        self.stdout.write("All commitments hold, and the last one is what the database has.")
        if found.redone:
            self.stdout.write("The golden draw, the folds and the orders of the first one are what its seed gives.")
        else:
            self.stdout.write("The study is too large for its folds and orders to be drawn again from the seed here.")
