"""`manage.py promote STUDY RUN`"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit import SYSTEM
from grading.models import TrainingRun
from grading.runs import promote
from labeler.management.study_argument import add_study_argument, find_study, refusals


class Command(BaseCommand):
    help = (
        "Lets a run score the study's selfies from now on, in place of the one before. A run that did not pass its "
        "gate needs a --reason, which is kept and shown."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_study_argument(parser)
        parser.add_argument("run", type=int, help="the run's number in the study")
        parser.add_argument("--reason", default="", help="why, where the run did not pass its gate")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        run = TrainingRun.objects.filter(study=study, number=options["run"]).first()
        if run is None:
            raise CommandError(f"“{study.name}” has no run {options['run']}.")
        with refusals():
            promote(run, SYSTEM, options["reason"])
        self.stdout.write(f"Run {run.number} scores the selfies of “{study.name}” from now on.")
