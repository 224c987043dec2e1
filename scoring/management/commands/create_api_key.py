"""`manage.py create_api_key STUDY NAME`"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import api_keys
from accounts.audit import SYSTEM
from labeler.models import Study


class Command(BaseCommand):
    help = (
        "Makes a key with which a program scores selfies by the study's promoted run, and prints it alone on the "
        "standard output. It is shown this once: only a digest is stored."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", type=int, help="number of the study (it stands in the address of its pages)")
        parser.add_argument("name", help="what the key is for, to know later which one to revoke")

    def handle(self, *args: Any, **options: Any) -> None:
        study = Study.objects.filter(pk=options["study"]).first()
        if study is None:
            raise CommandError(f"There is no study {options['study']}.")
        try:
            key, raw = api_keys.create_key(options["name"], study.pk, SYSTEM)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stderr.write(f"The key {key.prefix}… scores selfies by the promoted run of “{study.name}”.")
        self.stdout.write(raw)
