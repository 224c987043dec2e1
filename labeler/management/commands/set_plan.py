"""`manage.py set_plan STUDY`: to how many raters each training image goes, and what share is shown again."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand

from accounts import audit
from labeler.management.study_argument import add_study_argument, find_study, refusals
from labeler.study_settings import Settings, change_settings, cost, supply_of


class Command(BaseCommand):
    help = (
        "Plan overlap and repeats of a study that is being set up, and say how long queues would be. Without options "
        "it changes nothing. Example: set_plan 'Pilot 2024' --overlap 2 --repeats 5"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("--overlap", type=int, metavar="RATERS", help="raters for each training image (at first 1)")
        parser.add_argument(
            "--repeats",
            type=float,
            metavar="PERCENT",
            help="how much of a queue is shown again, in percent (at first 0, at most 50)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        overlap = study.overlap if options["overlap"] is None else options["overlap"]
        share = study.repeat_share if options["repeats"] is None else options["repeats"] / 100
        with refusals():
            change_settings(study, replace(Settings.of(study), overlap=overlap, repeat_share=share), actor=audit.SYSTEM)
        self.stdout.write(
            f"Each training image goes to {study.overlap}; {100 * study.repeat_share:g} % is shown again."
        )
        there = supply_of(study)
        if there.raters:
            plan = cost(there, study.overlap, study.repeat_share)
            self.stdout.write(
                f"With {there.training} training and {there.golden} golden images and {there.raters} raters, each "
                f"grades about {plan.queue} images: a fold of {plan.fold}, {plan.golden} golden, {plan.again} again."
            )
