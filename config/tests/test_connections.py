"""Connections to the two servers are kept from request to request, and made again when they are gone."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.core.cache.backends import redis
from django.db import connection, connections

from config.database import base


def _number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _next_request() -> None:
    connection.close_if_unusable_or_obsolete()


@pytest.fixture
def _kept(transactional_db: None) -> None:
    with patch.dict(connection.settings_dict, {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}):
        connection.close()
        _number()
        _next_request()
        _number()  # was asked once
        _next_request()


@pytest.mark.usefixtures("_kept")
def test_a_connection_is_kept_and_not_asked_each_time() -> None:
    before = _number()
    with patch.object(base.DatabaseWrapper, "is_usable") as asked:
        for _ in range(5):
            _next_request()
            assert _number() == before
    assert not asked.called


@pytest.mark.usefixtures("_kept")
def test_a_connection_that_the_server_ended_is_made_again_before_it_is_used() -> None:
    before = _number()
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    other.close()
    _next_request()
    assert _number() != before


@pytest.mark.usefixtures("_kept")
def test_a_connection_that_was_silent_for_long_is_asked() -> None:
    before = _number()
    _next_request()
    with patch.object(base, "ASK_EVERY", 0.0), patch.object(base.DatabaseWrapper, "is_usable", return_value=False):
        assert _number() != before


def test_the_redis_client_is_made_once() -> None:
    with patch.object(redis.RedisCacheClient, "get_client") as made:
        for number in range(3):
            cache.set("a", number)
            cache.get("a")
    assert made.call_count <= 1
