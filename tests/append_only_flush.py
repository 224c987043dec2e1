"""Cleans up after a test that commits, although append-only tables refuse TRUNCATE.

Only a test may do this, and only as the database's superuser: meanwhile, triggers sleep. Rows are deleted rather than
tables truncated, and what Django wrote into the tables kept here when it made the database stays: with few rows, both
save most of the time that Django's own flush takes, and hundreds of tests commit.
"""

from collections.abc import Generator
from typing import Final

import pytest
from django.db import connection
from django.test import TransactionTestCase

KEPT: Final = {"django_migrations", "django_content_type", "auth_permission", "django_site"}


@pytest.fixture(autouse=True, scope="session")
def _flush_append_only_tables() -> Generator[None, None, None]:
    teardown = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    TransactionTestCase._fixture_teardown = lambda case: _empty_tables()  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]


def _empty_tables() -> None:
    tables = sorted(set(connection.introspection.table_names()) - KEPT)
    deletes = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]
    with connection.cursor() as cursor:
        cursor.execute("; ".join(["BEGIN", "SET LOCAL session_replication_role = replica", *deletes, "COMMIT"]))
