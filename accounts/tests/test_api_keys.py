"""A key opens what it was made for, until it is revoked, and is written nowhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import api_keys
from accounts.audit import SYSTEM, Actor
from accounts.models import ApiKey, AuditEvent, User

pytestmark = pytest.mark.django_db

STUDY = 41


def test_a_new_key_opens_its_study(alice: User) -> None:
    made, raw = api_keys.create_key("clinic app", STUDY, Actor(alice))
    found = api_keys.verify(raw)
    assert found == made
    assert found is not None and found.study_id == STUDY
    assert found.created_by == alice


def test_keys_are_long_marked_and_never_the_same() -> None:
    raws = {api_keys.create_key(f"key {number}", STUDY, SYSTEM)[1] for number in range(20)}
    assert len(raws) == 20
    assert all(raw.startswith("gf_") and len(raw) == 46 for raw in raws)


def test_the_key_itself_is_stored_nowhere() -> None:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        key, raw = api_keys.create_key("clinic app", STUDY, SYSTEM)
    secret = raw[api_keys.PREFIX_LENGTH :]
    written = " ".join(query["sql"] for query in captured)
    assert key.prefix in written
    assert secret not in written


def test_what_is_nearly_the_key_opens_nothing() -> None:
    _, raw = api_keys.create_key("clinic app", STUDY, SYSTEM)
    other_end = raw[:-1] + ("A" if raw[-1] != "A" else "B")
    for wrong in (
        other_end,
        raw + "A",
        raw[:-1],
        raw.upper(),
        f" {raw}",
        raw[: api_keys.PREFIX_LENGTH],
        "",
        "gf_",
        "\0",
    ):
        assert api_keys.verify(wrong) is None, wrong


def test_a_revoked_key_opens_nothing_and_can_be_revoked_once(alice: User) -> None:
    key, raw = api_keys.create_key("clinic app", STUDY, SYSTEM)
    assert api_keys.revoke(key, Actor(alice)) is True
    assert api_keys.verify(raw) is None
    assert api_keys.revoke(key, Actor(alice)) is False
    revocations = AuditEvent.objects.filter(verb="api_key.revoked", study_id=STUDY, target_id=key.pk)
    assert [event.actor for event in revocations] == [alice]


def test_making_a_key_is_audited_with_its_prefix(alice: User) -> None:
    key, _ = api_keys.create_key("  clinic app ", STUDY, Actor(alice))
    event = AuditEvent.objects.get(verb="api_key.created")
    assert (event.actor, event.study_id, event.target_id) == (alice, STUDY, key.pk)
    assert event.after == {"name": "clinic app", "prefix": key.prefix}


@pytest.mark.parametrize("name", ["", "   ", "x" * 81])
def test_a_key_needs_a_name_of_bearable_length(name: str) -> None:
    with pytest.raises(ValidationError):
        api_keys.create_key(name, STUDY, SYSTEM)
    assert not ApiKey.objects.exists()


def test_use_is_noted_at_most_once_a_minute() -> None:
    key, raw = api_keys.create_key("clinic app", STUDY, SYSTEM)
    api_keys.note_use(key)
    key.refresh_from_db()
    first = key.last_used_at
    assert first is not None
    with CaptureQueriesContext(connection) as captured:
        api_keys.note_use(key)
    assert len(captured) == 0
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    again = api_keys.verify(raw)
    assert again is not None
    api_keys.note_use(again)
    again.refresh_from_db()
    assert again.last_used_at is not None and again.last_used_at >= first
