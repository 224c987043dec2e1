"""`manage.py deal_added STUDY`: images that came while the study was running are dealt."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import audit
from labeler.changes import AddedPlan, deal_added, plan_added
from labeler.management.study_argument import add_study_argument, find_study, refusals


class Command(BaseCommand):
    help = (
        "Deal the images that were imported since labelling began: to the emptiest raters, in whole clusters, shuffled "
        "into what these were not sent yet. Some become golden, in the study's own mix."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument(
            "--training-only",
            action="store_true",
            help="no new golden images; raters who have seen the whole golden set could then tell",
        )
        parser.add_argument("--preview", action="store_true", help="only say what would happen")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        share = 0.0 if options["training_only"] else None
        with refusals():
            if options["preview"]:
                self._say(plan_added(study, share), "Would be dealt")
            else:
                self._say(deal_added(study, share=share, actor=audit.SYSTEM), "Dealt")

    def _say(self, plan: AddedPlan, verb: str) -> None:
        self.stdout.write(f"{verb}: {plan.training} training images and {len(plan.golden)} golden ones.")
        for portion in plan.portions:
            self.stdout.write(f"  {portion.code}: {portion.had} training images before, {portion.has} after")
        if plan.left_out:
            self.stdout.write(f"Left out: {len(plan.left_out)}, which belong to images that nobody else may have.")
