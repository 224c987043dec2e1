"""The tests run on servers of their own."""

import pytest
import redis
from django.conf import settings
from django.db import connection

from config.testing import redis_database


@pytest.mark.django_db
def test_the_database_of_the_tests_is_a_real_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        assert cursor.fetchone()[0] >= 140000


def test_redis_answers_at_the_address_of_the_settings() -> None:
    assert redis.from_url(settings.REDIS_URL).ping()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("unix:///tmp/run/redis.sock", "unix:///tmp/run/redis.sock?db=3"),
        ("unix:///tmp/run/redis.sock?db=1", "unix:///tmp/run/redis.sock?db=3"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/3"),
    ],
)
def test_another_database_of_the_same_redis(url: str, expected: str) -> None:
    assert redis_database(url, 3) == expected
