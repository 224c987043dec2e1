"""A Redis that does not answer for a moment signs nobody out."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.conf import settings
from django.core.cache.backends.redis import RedisCacheClient
from django.test import Client
from redis.exceptions import TimeoutError as RedisTimeout

from accounts.models import User


@pytest.fixture
def client(alice: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.mark.parametrize("address", ["/", "/studies/1/label/window.json", "/studies/1/label/i/token.jpg"])
def test_a_request_fails_while_redis_is_silent_and_its_person_stays_signed_in(client: Client, address: str) -> None:
    with patch.object(RedisCacheClient, "get", side_effect=RedisTimeout):
        failed = client.get(address)
    assert failed.status_code == 500
    assert settings.SESSION_COOKIE_NAME not in failed.cookies
    assert client.get("/").status_code == 200


def test_a_session_that_redis_does_not_know_is_forgotten(client: Client) -> None:
    with patch.object(RedisCacheClient, "get", return_value=None):
        assert client.get("/").status_code == 302
    assert client.cookies[settings.SESSION_COOKIE_NAME].value == ""
