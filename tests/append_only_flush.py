"""Lets a test that commits be cleaned up after, although append-only tables refuse TRUNCATE.

Only a test may do this, and only as the database's superuser: for the flush alone, triggers sleep.
"""

from collections.abc import Generator

import pytest
from django.db import connection
from django.test import TransactionTestCase


@pytest.fixture(autouse=True, scope="session")
def _flush_append_only_tables() -> Generator[None, None, None]:
    teardown = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def teardown_without_triggers(case: TransactionTestCase) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
        try:
            teardown(case)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SET session_replication_role = DEFAULT")

    TransactionTestCase._fixture_teardown = teardown_without_triggers  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]
