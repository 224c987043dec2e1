"""`manage.py admit_rater STUDY EMAIL --reason TEXT`: somebody rates although they have seen the golden set."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import audit
from labeler.management.study_argument import add_study_argument, find_study, refusals
from labeler.raters import admit_rater


class Command(BaseCommand):
    help = (
        "Let somebody rate who has seen which images are golden. Their grades are not blind: the reason is kept in the "
        "audit trail and printed in every report."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("email", help="of the account")
        parser.add_argument("--reason", required=True, help="why there is no other way; every report prints it")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        with refusals():
            added = admit_rater(study, options["email"], options["reason"], actor=audit.SYSTEM)
        self.stdout.write(f"{options['email']} is admitted to “{study.name}” as rater {added.membership.code}.")
