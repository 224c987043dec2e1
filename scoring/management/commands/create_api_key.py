"""`manage.py create_api_key STUDY NAME`"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts import api_keys
from accounts.audit import SYSTEM
from labeler.management.study_argument import add_study_argument, find_study, refusals


class Command(BaseCommand):
    help = (
        "Makes a key with which a program scores selfies by the study's promoted run, and prints it alone on the "
        "standard output. It is shown this once: only a digest is stored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_study_argument(parser)
        parser.add_argument("name", help="what the key is for, to know later which one to revoke")

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        with refusals():
            key, raw = api_keys.create_key(options["name"], study.pk, SYSTEM)
        self.stderr.write(f"The key {key.prefix}… scores selfies by the promoted run of “{study.name}”.")
        self.stdout.write(raw)
