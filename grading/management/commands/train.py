"""`manage.py train STUDY`"""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit import SYSTEM
from grading.models import TrainingRun
from grading.run_report import report
from grading.runs import BEST, RunConfig, latest_evaluation, start_run
from jobs.models import JobState
from labeler.management.study_argument import ProgressLine, add_study_argument, find_study, refusals
from mlcore.records import BACKBONES


class Command(BaseCommand):
    help = (
        "Queues a training run, as the button on the page of results does: it freezes the grades, trains on the "
        "images outside the golden set, and is judged on the golden set against the worst rater of the panel. A "
        "worker of the heavy queue does it. With --wait the command follows it to its end and exits with 1 where it "
        "fails; Ctrl-C then stops the following, not the run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_study_argument(parser)
        parser.add_argument("--backbone", choices=(BEST, *BACKBONES), default=BEST, help="default: %(default)s")
        parser.add_argument("--seed", type=int, default=0, help="of the split and the networks; default: %(default)s")
        parser.add_argument(
            "--group-column",
            default="",
            metavar="NAME",
            help="column of the images' metadata whose equal values stay on one side of every split, beside persons "
            "and near-duplicates",
        )
        parser.add_argument("--networks", action="store_true", help="train the published network too; takes long")
        parser.add_argument("--wait", action="store_true", help="follow the run and print its verdict")

    def handle(self, *args: Any, **options: Any) -> None:
        config = RunConfig(options["backbone"], options["seed"], options["group_column"], networks=options["networks"])
        study = find_study(options["study"])
        with refusals():
            run = start_run(study, SYSTEM, config)
        self.stdout.write(f"Run {run.number} is queued.")
        if options["wait"]:
            self._follow(run)

    def _follow(self, run: TrainingRun) -> None:
        line = ProgressLine(self.stdout)
        while run.job.is_active:
            time.sleep(1)
            run.job.refresh_from_db()
            if run.job.total:
                line(run.job.done, run.job.total, run.job.message)
        if run.job.state != JobState.DONE:
            raise CommandError(f"Run {run.number}: {run.job.get_state_display()}. {run.job.error}")
        run.refresh_from_db()
        self.stdout.write(report(run, latest_evaluation(run)).verdict)
