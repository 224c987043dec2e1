"""Prepared statements and what befalls a connection: transactions that break off, servers that start anew, threads."""

from __future__ import annotations

import threading

import pytest
from django.db import DataError, connection, transaction

from labeler.prepared import Statement

pytestmark = pytest.mark.django_db(transaction=True)

DOUBLE = Statement("test_double", "SELECT 2 * %(number)s::int")


def _double(number: object) -> int:
    row = DOUBLE.row({"number": number})
    assert row is not None
    return int(row[0])


def _forget() -> None:
    connection.close()
    connection.ensure_connection()


def test_a_statement_outlives_the_transaction_in_which_it_was_prepared() -> None:
    _forget()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        assert _double(4) == 8
        raise ZeroDivisionError
    assert _double(5) == 10


def test_a_value_that_is_refused_spoils_nothing() -> None:
    _forget()
    with pytest.raises(DataError), transaction.atomic():
        _double("no number")
    with transaction.atomic():
        assert _double(6) == 12


def test_a_new_connection_is_told_anew() -> None:
    assert _double(1) == 2
    _forget()
    assert _double(2) == 4


def test_each_thread_tells_its_own_connection() -> None:
    assert _double(1) == 2
    found: list[int] = []

    def do() -> None:
        found.extend(_double(number) for number in range(20))
        connection.close()

    threads = [threading.Thread(target=do) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(found) == sorted([2 * number for number in range(20)] * 4)


def test_text_is_passed_as_it_is() -> None:
    echo = Statement("test_echo", "SELECT %(text)s::text, %(texts)s::text[]")
    hostile = "'; DROP TABLE x; -- %s %(text)s $1 \\ 100 % …"
    assert echo.row({"text": hostile, "texts": [hostile, None]}) == (hostile, [hostile, None])
