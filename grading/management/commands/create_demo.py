from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from grading.demo import DemoRefused, DemoSize, create_demo


class Command(BaseCommand):
    help = (
        "Make the example study, if it isn't there: drawn faces, ten simulated raters and a place for you as the "
        "eleventh. A worker fills it (about a minute), then trains a model on it. Prints the sign-ins. Only where the "
        "site is on this machine (SITE_URL)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        size = DemoSize()
        parser.add_argument("--images", type=int, default=size.images, help="how many faces to draw (%(default)s)")
        parser.add_argument("--golden", type=int, default=size.golden, help="at least so many golden (%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            study, sign_ins = create_demo(DemoSize(options["images"], options["golden"]))
        except DemoRefused as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"  “{study.name}”, sign in as")
        self.stdout.write(f"    {sign_ins.lead}   (study lead)   passphrase {sign_ins.passphrase}")
        self.stdout.write(f"    {sign_ins.rater}  (dermatologist) passphrase {sign_ins.passphrase}")
