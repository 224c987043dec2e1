"""`manage.py assign STUDY`: images are dealt to raters, and labelling begins."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import audit
from labeler.assignment import assign, supply
from labeler.management.study_argument import add_study_argument, find_study, refusals


class Command(BaseCommand):
    help = (
        "Deal the training images in even folds, one to each active rater, and the golden set to all of them, hidden "
        "at random places of their queues; then labelling begins. It can't be undone: the images and the golden set "
        "are fixed from here on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        with refusals():
            folds = assign(study, actor=audit.SYSTEM)
        there = supply(study)
        self.stdout.write(
            f"Dealt {len(there.training)} training images to {len(folds)} raters, and {len(there.golden)} golden "
            "images to each. Labelling has begun."
        )
