"""The engine that `DATABASES` names; Django looks for it in a module of this name."""

from __future__ import annotations

import select
import time
from typing import Any

from django.db.backends.postgresql import base

# A connection that was cut off without a word, by a firewall say, is found within so many seconds of silence.
ASK_EVERY = 10.0


class DatabaseWrapper(base.DatabaseWrapper):
    """A kept connection is looked at before each request, and asked only now and then.

    A server that stops, or ends a session, says so on the connection, or closes it: either can be seen without asking.
    """

    health_check_done: bool

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._asked_at = 0.0

    def close_if_health_check_failed(self) -> None:
        if self.connection is None or self.health_check_done:
            return
        now = time.monotonic()
        if now - self._asked_at < ASK_EVERY and self._is_quiet():
            self.health_check_done = True
            return
        super().close_if_health_check_failed()
        self._asked_at = now

    def _is_quiet(self) -> bool:
        if self.connection.closed:
            return False
        waiting = select.poll()
        waiting.register(self.connection.fileno(), select.POLLIN)
        return not waiting.poll(0)
