"""A visitor's request is small; a signed-in lead's may be large; the API has its own limit."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User

LARGE = b"x" * (65 * 1024)

pytestmark = pytest.mark.django_db


def test_a_visitors_large_request_is_refused_unread(client: Client) -> None:
    answer = client.post(reverse("account_login"), LARGE, content_type="application/octet-stream")
    assert answer.status_code == 413


def test_who_is_signed_in_may_send_much(client: Client, alice: User) -> None:
    client.force_login(alice, "allauth.account.auth_backends.AuthenticationBackend")
    answer = client.post(reverse("account"), LARGE, content_type="application/octet-stream")
    assert answer.status_code != 413


def test_a_sign_in_form_goes_through(client: Client) -> None:
    assert client.post(reverse("account_login"), {"login": "nobody@example.org", "password": "x"}).status_code == 200
