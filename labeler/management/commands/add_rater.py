"""`manage.py add_rater STUDY EMAIL`: a rater comes into a study, also late."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import audit
from labeler.management.study_argument import add_study_argument, find_study, refusals
from labeler.raters import add_rater


class Command(BaseCommand):
    help = (
        "Add a rater. In a study that labels already they get the golden set and an even part of the training images, "
        "taken from the fullest folds in whole clusters that nobody was shown yet. Where the email has no account yet, "
        "one is made, and a one-time link is printed at which they choose a password: hand it over by a channel that "
        "you trust."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("email", help="what the rater signs in with")
        parser.add_argument("--name", default="", help="for a new account: shown to them instead of the email")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        with refusals():
            added = add_rater(study, options["email"], name=options["name"], actor=audit.SYSTEM)
        self.stdout.write(f"{options['email']} is rater {added.membership.code} of “{study.name}”.")
        if added.plan:
            self.stdout.write(f"They took {added.plan.fold} training images over, and have the golden set among them.")
        if added.link:
            self.stdout.write(f"They choose a password here (works once):\n{added.link}")
