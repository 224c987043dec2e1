"""The policy that is put together once is django-csp's own, and gives way where a view has another."""

from __future__ import annotations

from csp.constants import HEADER
from csp.decorators import csp_exempt, csp_update
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from config.csp import PolicyMiddleware


def _plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _answer(middleware: CSPMiddleware, path: str = "/") -> HttpResponse:
    response = middleware(RequestFactory().get(path))
    assert isinstance(response, HttpResponse)
    return response


def _directives(response: HttpResponse) -> set[str]:
    return set(response.headers[HEADER].split("; "))


def test_the_policy_is_the_settings_own() -> None:
    ours = PolicyMiddleware(_plain)
    for _ in range(2):
        assert _directives(_answer(ours)) == _directives(_answer(CSPMiddleware(_plain)))
    assert "default-src 'none'" in _directives(_answer(ours))


def test_a_view_may_have_another() -> None:
    other = csp_update({"img-src": ["https://example.org"]})(_plain)
    ours = PolicyMiddleware(lambda request: other(request) if request.path == "/other" else _plain(request))
    _answer(ours)
    assert any("https://example.org" in one for one in _directives(_answer(ours, "/other")))
    assert not any("https://example.org" in one for one in _directives(_answer(ours)))
    assert HEADER not in _answer(PolicyMiddleware(csp_exempt()(_plain))).headers
