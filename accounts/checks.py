"""Settings that contradict each other are refused when a command starts, not found out by a visitor."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.http.request import validate_host

ENTRA_SETTINGS = ("ENTRA_TENANT_ID", "ENTRA_CLIENT_ID", "ENTRA_CLIENT_SECRET")


@register
def entra_is_whole(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """Sign-in with Entra ID is wholly on, with one tenant, or wholly off."""
    missing = [name for name in ENTRA_SETTINGS if not getattr(settings, name)]
    if len(missing) == len(ENTRA_SETTINGS):
        return []
    problems = []
    if missing:
        problems.append(
            Error(
                f"Sign-in with Entra ID is set in part: {', '.join(missing)} {_is_or_are(missing)} empty.",
                hint=f"Set all of {', '.join(ENTRA_SETTINGS)}, or none.",
                id="accounts.E001",
            )
        )
    if settings.ENTRA_TENANT_ID and not _is_uuid(settings.ENTRA_TENANT_ID):
        problems.append(
            Error(
                f"ENTRA_TENANT_ID={settings.ENTRA_TENANT_ID!r} is not a tenant's id.",
                hint="It is the directory (tenant) id, a UUID. “common” and the like would let in every organisation.",
                id="accounts.E002",
            )
        )
    if urlsplit(settings.ENTRA_AUTHORITY).scheme != "https":
        problems.append(
            Error(f"ENTRA_AUTHORITY={settings.ENTRA_AUTHORITY!r} must begin with https://.", id="accounts.E003")
        )
    return problems


@register
def secret_key_is_secret(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """With the key of a fresh checkout anybody may sign what only the site should. On http, pages only warn."""
    serves_others = settings.SITE_URL.startswith("https://") and not settings.DEBUG
    if settings.SECRET_KEY != settings.DEFAULT_SECRET_KEY or not serves_others:
        return []
    return [
        Error(
            f"{settings.SITE_URL} would run with the secret key of a fresh checkout, which everybody knows.",
            hint="Set SECRET_KEY (or SECRET_KEY_FILE) to at least 50 random characters.",
            id="accounts.E004",
        )
    ]


@register
def site_url_is_allowed(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> Iterable[CheckMessage]:
    """The address in our mails must be one that the site answers."""
    parts = urlsplit(settings.SITE_URL)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return [
            Error(
                f"SITE_URL={settings.SITE_URL!r} is not an address like https://goldfold.example.", id="accounts.E005"
            )
        ]
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if validate_host(host, settings.ALLOWED_HOSTS):
        return []
    return [
        Error(
            f"SITE_URL's host {host} is not in ALLOWED_HOSTS ({', '.join(settings.ALLOWED_HOSTS)}).",
            hint=f"Add {host} to ALLOWED_HOSTS.",
            id="accounts.E006",
        )
    ]


def _is_or_are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
