"""Whose session a rater's quick requests believe: exactly those that Django's own check lets in."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY
from django.test import Client

from accounts import audit, users
from accounts.models import User
from labeler import labelling
from labeler.models import Assignment, Label, Membership
from labeler.tests.factories import message, signed_in, start

Change = Callable[[Client, User], object]


@pytest.fixture
def item(bob_rates: Membership) -> Assignment:
    (item,) = start(bob_rates, 1)
    labelling.window(bob_rates, 1)
    return item


def _status(client: Client, study_id: int, item: Assignment, what: str) -> int:
    base = f"/studies/{study_id}/label/"
    if what == "image":
        return client.get(f"{base}i/{item.token}.jpg").status_code
    if what == "window":
        return client.get(f"{base}window.json").status_code
    body = json.dumps({"answers": [message(item.token)], "rater": "R01"})
    return client.post(f"{base}answers", body, content_type="application/json").status_code


def _in_session(**values: str | None) -> Change:
    def change(client: Client, _: User) -> None:
        session = client.session
        for key, value in values.items():
            if value is None:
                del session[key]
            else:
                session[key] = value
        session.save()

    return change


def _flushed(client: Client, _: User) -> None:
    client.session.flush()


ENTRA = UUID(int=1), UUID(int=2)
ENDS: dict[str, Change] = {
    "signed out": _flushed,
    "password changed": lambda _, user: users.set_password(user, "another long one", actor=audit.SYSTEM),
    "account closed": lambda _, user: users.deactivate_user(user, actor=audit.SYSTEM),
    "linked to Entra": lambda _, user: users.link_entra(user, *ENTRA, actor=audit.SYSTEM),
    "backend that was taken away": _in_session(**{BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend"}),
    "no backend": _in_session(**{BACKEND_SESSION_KEY: None}),
    "no digest": _in_session(**{HASH_SESSION_KEY: None}),
    "empty digest": _in_session(**{HASH_SESSION_KEY: ""}),
    "another digest": _in_session(**{HASH_SESSION_KEY: "0" * 64}),
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize(("what", "status"), [("image", 404), ("window", 401), ("answers", 401)])
def test_a_session_that_django_ends_gets_nothing(
    name: str, what: str, status: int, item: Assignment, bob: User, bob_rates: Membership
) -> None:
    client = signed_in(bob)
    assert _status(client, bob_rates.study_id, item, "image") == 200
    ENDS[name](client, bob)
    assert _status(client, bob_rates.study_id, item, what) == status
    assert not Label.objects.exists()


@pytest.mark.parametrize("what", ["image", "window", "answers"])
def test_a_session_holds_while_a_new_secret_takes_over(
    what: str, item: Assignment, bob: User, bob_rates: Membership, settings: LazySettings
) -> None:
    client = signed_in(bob)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the next one", [settings.SECRET_KEY]
    assert _status(client, bob_rates.study_id, item, what) == 200
    settings.SECRET_KEY_FALLBACKS = []  # the session was written anew, with the new secret
    assert _status(client, bob_rates.study_id, item, what) == 200
    settings.SECRET_KEY = "one that no session knows"
    assert _status(client, bob_rates.study_id, item, what) == (404 if what == "image" else 401)


@pytest.mark.parametrize("what", ["image", "window", "answers"])
def test_a_study_whose_number_no_row_can_have_does_not_exist(what: str, item: Assignment, bob: User) -> None:
    assert _status(signed_in(bob), 10**23, item, what) == 404
