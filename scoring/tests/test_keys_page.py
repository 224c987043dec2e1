"""The lead's page: makes keys, shows each once, revokes them; nobody else gets in."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts import api_keys
from accounts.audit import SYSTEM
from accounts.models import ApiKey, AuditEvent, User
from labeler.models import Membership, Study
from labeler.studies import create_study
from scoring.tests.conftest import Models, Promote

pytestmark = pytest.mark.django_db

RAW = re.compile(r"gf_[A-Za-z0-9_-]{43}")


@pytest.fixture
def page(study: Study) -> str:
    return reverse("scoring_keys", args=[study.pk])


def test_only_the_lead_gets_in(
    client: Client, page: str, study: Study, alice: User, bob_rates: Membership, mallory: User, root: User
) -> None:
    key, _ = api_keys.create_key("clinic app", study.pk, SYSTEM)
    revoke = reverse("scoring_key_revoke", args=[study.pk, key.pk])
    bob = bob_rates.user
    for user, status in ((bob, 404), (mallory, 404), (root, 404), (alice, 200)):
        assert user is not None
        client.force_login(user)
        assert client.get(page).status_code == status, user
        if user != alice:
            assert client.post(page, {"name": "mine"}).status_code == 404, user
            assert client.post(revoke).status_code == 404, user
    client.logout()
    assert client.get(page).status_code == client.post(revoke).status_code == 302
    assert ApiKey.objects.get().revoked_at is None


def test_a_key_is_shown_once_and_works(client: Client, page: str, study: Study, alice: User) -> None:
    client.force_login(alice)
    answer = client.post(page, {"name": "clinic app"})
    (raw,) = set(RAW.findall(answer.content.decode()))
    key = api_keys.verify(raw)
    assert key is not None and (key.name, key.study_id) == ("clinic app", study.pk)
    assert "no-store" in answer["Cache-Control"]
    again = client.get(page).content.decode()
    assert not RAW.findall(again)
    assert key.prefix in again and "clinic app" in again
    assert AuditEvent.objects.get(verb="api_key.created").actor == alice


def test_a_key_without_a_name_is_not_made(client: Client, page: str, alice: User) -> None:
    client.force_login(alice)
    answer = client.post(page, {"name": "  "})
    assert answer.status_code == 200
    assert "This field is required" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_revoking_from_the_page(client: Client, page: str, study: Study, alice: User) -> None:
    client.force_login(alice)
    key, raw = api_keys.create_key("clinic app", study.pk, SYSTEM)
    answer = client.post(reverse("scoring_key_revoke", args=[study.pk, key.pk]), follow=True)
    assert "revoked" in answer.content.decode()
    assert api_keys.verify(raw) is None
    assert client.get(reverse("scoring_key_revoke", args=[study.pk, key.pk])).status_code == 405


def test_a_key_of_another_study_is_out_of_reach(client: Client, study: Study, alice: User) -> None:
    other = create_study("Another study", actor=SYSTEM, lead=None)
    foreign, raw = api_keys.create_key("not yours", other.pk, SYSTEM)
    client.force_login(alice)
    assert client.post(reverse("scoring_key_revoke", args=[study.pk, foreign.pk])).status_code == 404
    assert api_keys.verify(raw) is not None
    assert "not yours" not in client.get(reverse("scoring_keys", args=[study.pk])).content.decode()


def test_the_page_says_which_run_answers(
    client: Client, page: str, study: Study, alice: User, models: Models, promote: Promote
) -> None:
    client.force_login(alice)
    assert "No run is promoted yet" in client.get(page).content.decode()
    promote(study, models.first)
    promote(study, models.second)
    shown = client.get(page).content.decode()
    assert "Run 2</a>, promoted on" in shown
    assert "No run is promoted yet" not in shown


def test_the_number_of_queries_does_not_grow_with_the_keys(
    client: Client, page: str, study: Study, alice: User, django_assert_max_num_queries: object
) -> None:
    client.force_login(alice)
    for number in range(30):
        api_keys.create_key(f"key {number}", study.pk, SYSTEM)
    with django_assert_max_num_queries(6):  # type: ignore[operator]
        assert client.get(page).content.decode().count("key 2") >= 10
