"""`manage.py catalogue`: bring the sentences in `locale/` up to date with pages and code."""

from __future__ import annotations

import subprocess
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import catalogue


class Command(BaseCommand):
    help = "Bring the sentences in locale/ up to date with pages and code, and compile every language. Needs gettext."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--add", metavar="LOCALE", help="begin the catalogue of another language: de, pt_BR, …")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["add"]:
                self.stdout.write(f"Began {catalogue.begin(settings.BASE_DIR, options['add'])}.")
            for path in catalogue.refresh(settings.BASE_DIR):
                self.stdout.write(f"{path.relative_to(settings.BASE_DIR)} is up to date.")
        except (catalogue.NoGettext, FileExistsError) as error:
            raise CommandError(str(error)) from error
        except subprocess.CalledProcessError as error:
            raise CommandError(error.stderr.strip()) from error
