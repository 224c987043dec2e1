"""Statements that PostgreSQL plans once for each connection, instead of each time: planning took longer than the work.

Every connection must keep to one session of the server: not so behind a pooler that hands each transaction to another
one (PgBouncer in its transaction mode), as docs/operations.md says.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from django.db import connection

# Which statements a connection of psycopg2 has got already; a new connection begins without.
_PREPARED: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


class Statement:
    """One statement, with values by name as `%(name)s`. `name` is its name in the server's session."""

    by_name: ClassVar[dict[str, Statement]] = {}

    def __init__(self, name: str, sql: str) -> None:
        self.name = name
        self.sql = sql
        values = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
        numbered = re.sub(r"%\((\w+)\)s", lambda found: f"${values.index(found[1]) + 1}", sql)
        self.by_name[name] = self
        self._prepare = f"PREPARE {name} AS {numbered}"
        self._execute = f"EXECUTE {name} ({', '.join(f'%({value})s' for value in values)})"

    def run(self, values: Any) -> None:
        """For a statement that gives no rows."""
        with connection.cursor() as cursor:
            self._run(cursor, values)

    def rows(self, values: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            self._run(cursor, values)
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def row(self, values: Any) -> tuple[Any, ...] | None:
        return next(iter(self.rows(values)), None)

    def _run(self, cursor: Any, values: Any) -> None:
        there = _PREPARED.setdefault(connection.connection, set())
        if self.name not in there:
            cursor.execute(self._prepare)
            there.add(self.name)
        cursor.execute(self._execute, values)
