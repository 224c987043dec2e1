"""`manage.py assign STUDY`: images are dealt to raters, and labelling begins."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import audit
from labeler.assignment import assign
from labeler.management.study_argument import ProgressLine, add_study_argument, find_study, refusals
from labeler.models import GoldenItem, Image, Study
from labeler.preview import Preview, preview

_COLUMNS = "{:<6} {:<28} {:>9} {:>8} {:>8} {:>9} {:>7}"


class Command(BaseCommand):
    help = (
        "Deal the training images to the active raters in even folds, and the golden set to all of them, hidden at "
        "random places of their queues; publish the commitment; then labelling begins. The golden set and what was "
        "sent to a browser are fixed from there on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("--dry-run", action="store_true", help="only show what every rater would get")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        if options["dry_run"]:
            self._show(preview(study))
            return
        with refusals():
            folds = assign(study, actor=audit.SYSTEM, report=ProgressLine(self.stdout))
        self._tell(study, len(folds))

    def _show(self, seen: Preview) -> None:
        self.stdout.write(_COLUMNS.format("rater", "who", "training", "golden", "repeats", "in all", "gap"))
        for load in seen.loads:
            row = (load.code, load.who[:28], load.fold, load.golden, load.repeats, load.queue, load.gap or "–")
            self.stdout.write(_COLUMNS.format(*row))
        self.stdout.write(
            f"{seen.training} training images in {seen.clusters} clusters (the largest has {seen.largest_cluster}), "
            f"each to {seen.overlap}; {seen.golden} golden images, {seen.drawn} of them drawn at the start; "
            f"{seen.total} gradings in all. Nothing is fixed yet."
        )
        for problem in seen.problems:
            self.stdout.write(f"Stops it: {problem}")

    def _tell(self, study: Study, raters: int) -> None:
        dealt = Image.objects.filter(study=study, fold_items__isnull=False).distinct().count()
        golden = GoldenItem.objects.filter(study=study).count()
        self.stdout.write(
            f"Dealt {dealt} training images to {raters} raters, and {golden} golden images to each. "
            f"Labelling has begun; commitment 1 is {study.commitments.earliest('number').sha256}."
        )
