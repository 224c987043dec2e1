"""`manage.py study_state STUDY pause|resume|close`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from labeler.management.study_argument import add_study_argument, find_study, refusals
from labeler.models import StudyState
from labeler.studies import set_state

_TO: Final = {"pause": StudyState.PAUSED, "resume": StudyState.LABELLING, "close": StudyState.CLOSED}


class Command(BaseCommand):
    help = (
        "Pause, resume or close a study. Closing is for good: it takes no more grades, and golden set, folds, orders "
        "and seed are revealed to everybody in the study."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("to", choices=sorted(_TO))

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        if options["to"] == "resume" and study.state == StudyState.DRAFT:
            raise CommandError("Labelling begins with `manage.py assign`.")
        with refusals():
            set_state(study, _TO[options["to"]], actor=audit.SYSTEM)
        self.stdout.write(f"“{study.name}” is {StudyState(study.state).label}.")
