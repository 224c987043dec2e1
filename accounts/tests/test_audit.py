"""The audit trail is written with what it records, and by nobody changed."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest
from django.test import RequestFactory
from pytest_django import Settings

from accounts import audit, users
from accounts.audit import Actor
from accounts.models import AuditEvent, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditevent SET verb = 'nothing happened'",
        "DELETE FROM accounts_auditevent",
        "TRUNCATE accounts_auditevent",
    ],
)
def test_the_database_refuses_to_change_the_trail(alice: User, statement: str) -> None:
    with transaction.atomic():
        event = audit.record(audit.SYSTEM, "tried.out", alice)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else TRUNCATE stumbles over the open foreign keys first
        cursor.execute(statement)
    assert AuditEvent.objects.get(pk=event.pk).verb == "tried.out"


@pytest.mark.django_db(transaction=True)
def test_a_record_outside_a_transaction_is_refused(alice: User) -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        audit.record(audit.SYSTEM, "tried.out", alice)
    assert not AuditEvent.objects.filter(verb="tried.out").exists()


def test_an_action_that_fails_leaves_no_record(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    before = AuditEvent.objects.count()
    monkeypatch.setattr(users, "set_password_url", lambda user: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        users.invite("dora@example.org", "Dora", audit.SYSTEM)
    assert AuditEvent.objects.count() == before
    assert not User.objects.filter(email="dora@example.org").exists()


def _request(user: object) -> HttpRequest:
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7")
    request.user = user  # type: ignore[assignment]
    request.request_id = "11111111-1111-4111-8111-111111111111"  # type: ignore[attr-defined]
    return request


def test_a_record_says_who_and_from_where(alice: User, bob: User) -> None:
    users.deactivate_user(bob, actor=Actor.of(_request(alice)))
    event = AuditEvent.objects.latest("seq")
    assert (event.verb, event.actor, event.target_type, event.target_id) == (
        "user.deactivated",
        alice,
        "accounts.user",
        bob.pk,
    )
    assert (event.address, event.request_id) == ("192.0.2.7", "11111111-1111-4111-8111-111111111111")


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [("198.51.100.1, 192.0.2.9", "192.0.2.9"), ("2001:db8::1", "2001:db8::1"), ("made up", None), ("", "192.0.2.7")],
)
def test_behind_a_proxy_the_address_is_the_proxys_word_and_never_makes_an_action_fail(
    alice: User, bob: User, settings: Settings, forwarded: str, address: str | None
) -> None:
    settings.BEHIND_PROXY = True
    request = _request(alice)
    request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    users.deactivate_user(bob, actor=Actor.of(request))
    assert AuditEvent.objects.latest("seq").address == address
