"""Who is signed in, told by a row of the database that a request reads anyway: its session needs no query of its own.

Django's `request.user` asks for the person first, and then the view asks for their place. Where both come in one row,
`claimed` says for whom to ask, and `holds` checks what came, as Django does. Where it doesn't hold, ask `request.user`:
that also ends a session that is no longer good.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.models import User


def claimed(request: HttpRequest) -> int | None:
    """The number of the person whose session this says it is; nothing may be done for them before it `holds`."""
    try:
        return int(request.session[SESSION_KEY])
    except (KeyError, TypeError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class Account:
    """What a session must be good for: the person's hashed password, and whether their account is open."""

    password: str
    is_active: bool


def holds(request: HttpRequest, account: Account) -> bool:
    """Whether the session is good for the claimed person, whose account was just read."""
    made_with = request.session.get(HASH_SESSION_KEY) or ""
    return (
        account.is_active
        and request.session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(made_with, User(password=account.password).get_session_auth_hash())
    )
