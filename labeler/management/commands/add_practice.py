"""`manage.py add_practice STUDY FILE --level VALUE`: a picture for raters to practise on."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts import audit
from labeler.management.study_argument import add_study_argument, existing_file, find_study, refusals
from labeler.practice import add_item


class Command(BaseCommand):
    help = (
        "Add a picture on which raters practise before their first image, behind those that are there. It must not be "
        "one of the study's own images. Example: add_practice 'Pilot 2024' chin.jpg --level 4 --remark 'Many papules'"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("file", help="a picture file")
        parser.add_argument("--level", type=float, required=True, metavar="VALUE", help="the grade that it should get")
        parser.add_argument("--remark", default="", help="what raters are told of it once they have answered")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        data = existing_file(options["file"]).read_bytes()
        with refusals():
            item = add_item(study, data, options["level"], remark=options["remark"], actor=audit.SYSTEM)
        self.stdout.write(f"Practice picture {item.order} of “{study.name}” is to be graded {item.level}.")
        if not study.welcome:
            self.stdout.write("Raters don't see it yet: the study's welcome is switched off.")
