"""Guessing passwords gets slower than it is worth. The counters are in Redis, by email and by address."""

import uuid
from collections.abc import Callable
from secrets import randbelow

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def from_address(settings: Settings) -> Callable[[], Client]:
    """Browsers, each at an address whose counters are at zero, with the limits as they are in service."""
    del settings.ACCOUNT_RATE_LIMITS
    return lambda: Client(REMOTE_ADDR=f"10.{randbelow(256)}.{randbelow(256)}.{randbelow(256)}")


@pytest.fixture
def user() -> User:
    return User.objects.create_user(f"{uuid.uuid4()}@example.org", PASSWORD)


def attempt(client: Client, email: str, password: str) -> int:
    return client.post(reverse("account_login"), {"login": email, "password": password}).status_code


def test_after_five_failures_even_the_right_password_waits(from_address: Callable[[], Client], user: User) -> None:
    for _ in range(5):
        assert attempt(from_address(), user.email, "a wrong guess") == 200
    client = from_address()
    response = client.post(reverse("account_login"), {"login": user.email.upper(), "password": PASSWORD})
    assert "Too many failed login attempts" in response.content.decode()
    assert "_auth_user_id" not in client.session


def test_others_sign_in_meanwhile(from_address: Callable[[], Client], user: User) -> None:
    for _ in range(5):
        attempt(from_address(), f"{uuid.uuid4()}@example.org", "a wrong guess")
    assert attempt(from_address(), user.email, PASSWORD) == 302


def test_one_address_tries_only_so_many_accounts(from_address: Callable[[], Client], user: User) -> None:
    client = from_address()
    for _ in range(10):
        attempt(client, f"{uuid.uuid4()}@example.org", "a wrong guess")
    assert attempt(client, user.email, PASSWORD) == 200


def test_links_are_mailed_only_so_often(from_address: Callable[[], Client], user: User) -> None:
    client = from_address()
    statuses = [client.post(reverse("account_reset_password"), {"email": user.email}).status_code for _ in range(7)]
    assert statuses[0] == 302
    assert statuses[-1] == 429
    page = client.post(reverse("account_reset_password"), {"email": user.email}).content.decode()
    assert "Too many attempts" in page
