"""Sessions in Redis as Django keeps them, but for what happens while Redis does not answer."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import cache


class SessionStore(cache.SessionStore):
    """Django's takes a Redis that fails to answer for one that knows no such session, and has the browser forget it: a
    moment's outage would sign everybody out. Here the request fails, and the next one may succeed."""

    _cache: Any

    def load(self) -> dict[str, Any]:
        found: dict[str, Any] | None = self._cache.get(self.cache_key)
        if found is not None:
            return found
        self._session_key = None
        return {}
