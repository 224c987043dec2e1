"""The Content-Security-Policy: the same for every answer, so it is put together once."""

from __future__ import annotations

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class PolicyMiddleware(CSPMiddleware):
    """django-csp's, which puts it together for each answer; left to it wherever a view or a nonce makes it another."""

    _policy = ""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_own = hasattr(request, "_csp_nonce") or any(name.startswith("_csp") for name in vars(response))
        if is_own or settings.DEBUG:
            return super().process_response(request, response)
        self._policy = self._policy or build_policy()
        response.headers.setdefault(HEADER, self._policy)
        return response
