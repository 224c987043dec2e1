"""`manage.py revoke_api_key PREFIX`"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import api_keys
from accounts.audit import SYSTEM
from accounts.models import ApiKey


class Command(BaseCommand):
    help = "Revokes a scoring key: from the next request on it opens nothing. The key can't be put in force again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix", help="the key's first 11 characters, as the study's page Scoring lists them")

    def handle(self, *args: Any, **options: Any) -> None:
        prefix = options["prefix"][: api_keys.PREFIX_LENGTH]
        key = ApiKey.objects.filter(prefix=prefix).first()
        if key is None:
            raise CommandError(f"There is no key that begins with {prefix}.")
        if not api_keys.revoke(key, SYSTEM):
            raise CommandError(f"The key {key} was revoked already.")
        self.stdout.write(f"The key {key} is revoked.")
