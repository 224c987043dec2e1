"""The tests run on servers of their own."""

import pytest
import redis
from django.conf import settings
from django.db import connection


@pytest.mark.django_db
def test_the_database_of_the_tests_is_a_real_postgresql() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        assert cursor.fetchone()[0] >= 140000


def test_redis_answers_at_the_address_of_the_settings() -> None:
    assert redis.from_url(settings.REDIS_URL).ping()
