"""`manage.py verify_commitment STUDY`: do its commitments hold?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from labeler.management.study_argument import add_study_argument, find_study
from labeler.verification import verify


class Command(BaseCommand):
    help = (
        "Check every commitment of a study: its document against the SHA-256 that was published, each document against "
        "the one before, and the last against the database. Exit status 1 when something does not hold. "
        "docs/commitment.md says how to check the same without this site."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        found = verify(study)
        for one in found.commitments:
            self.stdout.write(f"{'holds' if one.holds else 'FAILS':5}  {one.number}  {one.sha256}")
        if not found.holds:
            raise CommandError("\n".join(found.all_problems))
        self.stdout.write("All commitments hold, and the last one is what the database has.")
