"""`manage.py create_user EMAIL`: an account, and the link at which its owner chooses a password."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import audit, users


class Command(BaseCommand):
    help = (
        "Make an account. Without --password-stdin it prints a one-time link at which its owner chooses a password; "
        "hand it over in person or by a channel that you trust. An account alone sees no study: "
        "a study's lead adds people to it. Only --admin may make studies."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="what the person signs in with")
        parser.add_argument("--name", default="", help="shown on pages instead of the email")
        parser.add_argument("--admin", action="store_true", help="may make studies and accounts")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from the first line of standard input"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        password = sys.stdin.readline().rstrip("\r\n") if options["password_stdin"] else None
        if password == "":
            raise CommandError("--password-stdin: standard input is empty")
        try:
            user = users.create_user(
                options["email"],
                actor=audit.SYSTEM,
                name=options["name"],
                password=password,
                is_admin=options["admin"],
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"Made the account of {user.email}{' (administrator)' if user.is_admin else ''}.")
        if password is None:
            days = settings.PASSWORD_RESET_TIMEOUT // 86_400
            self.stdout.write(f"They choose a password here (works once, for {days} days):")
            self.stdout.write(users.set_password_url(user))
