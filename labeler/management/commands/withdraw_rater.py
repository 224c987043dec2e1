"""`manage.py withdraw_rater STUDY CODE --reason TEXT`: a rater drops out."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from labeler.changes import WithdrawalPlan, plan_withdrawal, withdraw_rater
from labeler.management.study_argument import add_study_argument, find_study, refusals
from labeler.models import Membership, Role


class Command(BaseCommand):
    help = (
        "A rater drops out, for good. Their grades stay; the training images that they were not sent go to the others, "
        "evenly and in whole clusters."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("code", help="the rater's code in the study, such as R02")
        parser.add_argument("--reason", required=True, help="why; it stays in the study's record")
        parser.add_argument("--preview", action="store_true", help="only say what would happen")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        seat = Membership.objects.filter(study=study, role=Role.RATER, code=options["code"].upper()).first()
        if seat is None:
            raise CommandError(f"“{study.name}” has no rater {options['code']}.")
        with refusals():
            if options["preview"]:
                self._say(plan_withdrawal(seat), f"If {seat.code} dropped out:")
            else:
                self._say(withdraw_rater(seat, options["reason"], actor=audit.SYSTEM), f"{seat.code} has dropped out.")

    def _say(self, plan: WithdrawalPlan, head: str) -> None:
        self.stdout.write(head)
        for portion in plan.portions:
            self.stdout.write(f"  {portion.code}: {portion.had} training images before, {portion.has} after")
        self.stdout.write(
            f"Without this rater's grade: {plan.unanswered} that were sent to them, {plan.beside_sent} of clusters of "
            f"which something was sent, {plan.nobodys} that nobody else can take."
        )
        if plan.training_only:
            self.stdout.write("Some raters who take images over were shown the whole golden set already.")
