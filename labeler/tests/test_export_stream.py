"""What is copied out of the database arrives whole, or the reader is told; and a reader may go away."""

import time

import psycopg2
import pytest
from django.db import DatabaseError, DataError, connection

from labeler.exporting import LABELS
from labeler.exporting.parquet import stream as parquet_stream
from labeler.exporting.stream import chunks, copied

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 3_000_000


def _copy(query: str) -> str:
    return f"COPY ({query}) TO STDOUT"


def _numbers(most: int = MANY) -> str:
    return _copy(f"SELECT generate_series(1, {most})")  # made as it is sent


def _answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def test_everything_arrives() -> None:
    assert b"".join(chunks(_numbers(300_000), {})).splitlines() == [b"%d" % n for n in range(1, 300_001)]
    assert _answers()


def test_values_are_filled_in() -> None:
    assert b"".join(chunks(_copy("SELECT %(word)s"), {"word": "it's"})) == b"it's\n"


def test_an_error_in_the_middle_is_raised_after_what_had_come() -> None:
    got = bytearray()
    with pytest.raises(DataError, match="division by zero"):
        for chunk in chunks(_copy("SELECT 1 / (g - 200000) FROM generate_series(1, 300000) g"), {}):
            got += chunk
    assert got.startswith(b"0\n0\n") and _answers()


def test_a_server_that_dies_is_an_error_not_a_short_file() -> None:
    pieces = chunks(_numbers(), {})
    next(pieces)
    other = psycopg2.connect(**connection.get_connection_params())
    other.autocommit = True
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    other.close()
    with pytest.raises(DatabaseError):
        for _ in pieces:
            pass
    connection.close()
    assert _answers()


def test_a_reader_who_goes_away_ends_the_query() -> None:
    began = time.monotonic()
    pieces = chunks(_numbers(2_000_000_000), {})
    assert next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # a generator
    assert time.monotonic() - began < 30 and _answers()


def test_a_reader_who_goes_away_before_the_first_row_ends_the_query() -> None:
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), copied(_copy("SELECT pg_sleep(60)"), {}):
        time.sleep(0.2)  # the query has begun
        raise KeyboardInterrupt
    assert time.monotonic() - began < 30 and _answers()


def test_parquet_that_is_cut_short_has_no_end() -> None:
    """Not even where the cut is between two rows, so that what came could be read."""
    columns = ", ".join(f'NULL AS "{column.name}"' for column in LABELS.columns)
    cut = f"SELECT {columns} FROM generate_series(1, 300000) g WHERE 1 / (g - 200000) < 2"
    got = bytearray()
    with pytest.raises(DataError):
        for piece in parquet_stream(LABELS, cut, {}):
            got += piece
    assert got.startswith(b"PAR1") and not got.endswith(b"PAR1") and _answers()
