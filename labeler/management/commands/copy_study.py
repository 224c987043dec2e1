"""`manage.py copy_study STUDY NAME`: a study once more, without anything that was drawn or graded."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import audit
from labeler.copying import copy_study
from labeler.management.study_argument import add_study_argument, find_study, refusals


class Command(BaseCommand):
    help = (
        "Copy a study: settings, scale with examples, thresholds and leads; never its seed, golden set, folds or "
        "grades. The copy is in draft and draws or chooses a golden set of its own. "
        "Example: copy_study 'Pilot 2024' 'Pilot 2025' --images --raters"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("name", help="what the copy is called; each name once")
        parser.add_argument(
            "--images",
            action="store_true",
            help="the images too, with names, tables, persons, verdicts and clusters; erased ones stay behind",
        )
        parser.add_argument("--raters", action="store_true", help="the active raters with an account too")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        with refusals():
            copy = copy_study(
                study, options["name"], actor=audit.SYSTEM, images=options["images"], raters=options["raters"]
            )
        self.stdout.write(f"Made study {copy.pk}, “{copy.name}”, with {copy.images.count()} images, in draft.")
