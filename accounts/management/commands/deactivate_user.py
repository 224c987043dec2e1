"""`manage.py deactivate_user EMAIL`: nobody signs in with this account any more."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import audit, users
from accounts.models import User


class Command(BaseCommand):
    help = "Close an account: no sign-in any more, and open sessions end at once. Its grades are kept, as evidence."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the account's email")
        parser.add_argument("--undo", action="store_true", help="open the account again")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError(f"There is no account for {options['email']}.")
        change = users.reactivate_user if options["undo"] else users.deactivate_user
        try:
            change(user, actor=audit.SYSTEM)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"The account of {user.email} is {'open again' if options['undo'] else 'closed'}.")
