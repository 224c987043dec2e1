"""`manage.py create_study NAME --lead EMAIL`: a study in draft, with its scale and its lead."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from accounts.models import User
from labeler.management.study_argument import refusals
from labeler.scales import SCALES, parse_levels
from labeler.studies import create_study


class Command(BaseCommand):
    help = (
        "Make a study, in draft, with its grading scale. Next come import_images, add_rater and assign. "
        "Example: create_study 'Pilot 2024' --lead lead@example.org --scale 0-3"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the study is called; each name once")
        parser.add_argument("--lead", metavar="EMAIL", help="who leads it; the account must exist (see create_user)")
        scale = parser.add_mutually_exclusive_group()
        scale.add_argument(
            "--scale",
            choices=sorted(SCALES),
            default="published",
            help="published: 1 Clear to 5 Severe; 0-3: four levels, 0 Mild to 3 Very severe (default: published)",
        )
        scale.add_argument(
            "--level",
            action="append",
            metavar="'VALUE; NAME; DESCRIPTION'",
            help="one level of a scale of your own; repeat it for every level; the description may be left out",
        )
        parser.add_argument(
            "--seed", type=int, help="decides folds and orders; random unless given, and a given one is no secret"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lead = None
        if options["lead"]:
            lead = User.objects.filter(email__iexact=options["lead"]).first()
            if lead is None:
                raise CommandError(f"There is no account for {options['lead']}; make one with create_user.")
        with refusals():
            levels = parse_levels(options["level"]) if options["level"] else SCALES[options["scale"]]
            study = create_study(options["name"], actor=audit.SYSTEM, lead=lead, levels=levels, seed=options["seed"])
        self.stdout.write(f"Made study {study.pk}, “{study.name}”, with {len(levels)} levels.")
