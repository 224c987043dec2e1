"""`manage.py withdraw_golden STUDY FILE --reason TEXT`: an image leaves the golden set."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import audit
from labeler.changes import withdraw_golden
from labeler.management.study_argument import add_study_argument, find_study, refusals
from labeler.models import ImageName


class Command(BaseCommand):
    help = (
        "Take an image out of the golden set while the study runs. It goes from every queue where it was not sent yet; "
        "grades that were given stay, and count in no figure."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_study_argument(parser)
        parser.add_argument("file", help="the name under which the image was imported")
        parser.add_argument("--reason", required=True, help="why; it stays in the study's record")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        name = ImageName.objects.filter(study=study, name=options["file"]).select_related("image").first()
        if name is None:
            raise CommandError(f"“{study.name}” has no image “{options['file']}”.")
        with refusals():
            queues = withdraw_golden(name.image, options["reason"], actor=audit.SYSTEM)
        self.stdout.write(f"{name.name} is golden no more; {queues} raters had not been sent it, and won't be.")
