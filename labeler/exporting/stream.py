"""What PostgreSQL copies out, read while it is still being written: memory holds a pipe's worth, however much comes.

psycopg2 can only copy into something that it writes to. So a thread lets it write into a pipe, and the reader takes
from the other end at its own pace: a full pipe makes PostgreSQL wait.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import psycopg2
from django.db import connection

CHUNK = 256 * 1024


class _Copying(threading.Thread):
    """The writing side. `error` is what ended it early, once it has ended."""

    def __init__(self, cursor: Any, command: bytes, sink: BinaryIO) -> None:
        super().__init__(name="copy-out", daemon=True)
        self._cursor = cursor
        self._command = command
        self._sink = sink
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with self._sink:
                self._cursor.copy_expert(self._command, self._sink)
        except Exception as error:  # noqa: BLE001  the reader raises it
            self.error = error


@contextlib.contextmanager
def copied(command: str, values: dict[str, object]) -> Iterator[BinaryIO]:
    """The output of a `COPY … TO STDOUT`, to be read to its end.

    Left normally, it raises the error that cut the output short, if one did: only after that is what was read whole.
    Left by an exception (a reader who went away), the query is cancelled. This thread's connection is busy meanwhile,
    and free afterwards.
    """
    with connection.cursor() as cursor:
        raw = cursor.cursor
        reading, writing = os.pipe()
        # Unbuffered, as it hands on what is there instead of waiting for a whole chunk.
        with os.fdopen(reading, "rb", buffering=0) as source:
            sink = os.fdopen(writing, "wb", buffering=CHUNK)  # the thread closes it: that is the end of file
            copying = _Copying(raw, raw.mogrify(command, values), sink)
            copying.start()
            try:
                yield source
            except BaseException:
                _cancel(raw.connection)
                raise
            finally:
                while source.read(CHUNK):  # what still waits for room in the pipe
                    pass
                copying.join()
        if copying.error is not None:
            with connection.wrap_database_errors:
                raise copying.error


def _cancel(raw_connection: Any) -> None:
    # A server that can't be told finds out when it has sent the rest; a connection that is gone needs no telling.
    with contextlib.suppress(psycopg2.Error):
        raw_connection.cancel()


def chunks(command: str, values: dict[str, object]) -> Iterator[bytes]:
    """The output of a `COPY … TO STDOUT` in pieces."""
    with copied(command, values) as source:
        while chunk := source.read(CHUNK):
            yield chunk
