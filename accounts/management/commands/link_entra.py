"""`manage.py link_entra EMAIL OBJECT_ID`: an existing account becomes one that Entra ID opens."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from accounts import audit, users
from accounts.models import User


class Command(BaseCommand):
    help = (
        "Link an existing account to a person in the Entra tenant of this site. From then on it is opened by "
        "their Microsoft sign-in only: its password is removed. Make sure first that both are the same person."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the account's email")
        parser.add_argument(
            "object_id", type=uuid.UUID, help="the person's object id, from Entra or from the page that refused them"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.ENTRA_ON:
            raise CommandError(
                "Sign-in with Entra ID is off: set ENTRA_TENANT_ID, ENTRA_CLIENT_ID, ENTRA_CLIENT_SECRET."
            )
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError(f"There is no account for {options['email']}.")
        try:
            users.link_entra(user, uuid.UUID(settings.ENTRA_TENANT_ID), options["object_id"], actor=audit.SYSTEM)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{user.email} signs in with Microsoft from now on.")
