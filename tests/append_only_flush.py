"""Cleans up after a test that commits, although append-only tables refuse TRUNCATE.

Only a test may do this, and only as the database's superuser: meanwhile, triggers sleep. Rows are deleted rather than
tables truncated, and what Django wrote into the tables kept here when it made the database stays: with few rows, both
save most of the time that Django's own flush takes, and hundreds of tests commit.
"""

from collections.abc import Generator
from typing import Final

import psycopg2.errors
import pytest
from django.db import OperationalError, connection, transaction
from django.test import TransactionTestCase

KEPT: Final = {"django_migrations", "django_content_type", "auth_permission", "django_site"}


@pytest.fixture(autouse=True, scope="session")
def _flush_append_only_tables() -> Generator[None, None, None]:
    teardown = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]
    TransactionTestCase._fixture_teardown = lambda case: empty_tables()  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]


def empty_tables() -> None:
    tables = sorted(set(connection.introspection.table_names()) - KEPT)
    deletes = [f"DELETE FROM {connection.ops.quote_name(table)}" for table in tables]
    statement = "; ".join(["SET LOCAL session_replication_role = replica", *deletes])
    for attempts_left in reversed(range(5)):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)
            return
        except OperationalError as error:
            # What a page sent as it closed may still be at work in the test's site, with its locks in another order.
            if not isinstance(error.__cause__, psycopg2.errors.DeadlockDetected) or not attempts_left:
                raise
