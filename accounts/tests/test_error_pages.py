"""The pages for when something is wrong, which must themselves never go wrong."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.test import Client
from django.urls import include, path, reverse
from pytest_django import Settings

from accounts.models import User


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def suspicious(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("nonsense")


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("a fault of ours")


urlpatterns = [
    path("403/", forbidden),
    path("400/", suspicious),
    path("500/", broken),
    path("", include("config.urls")),
]


@pytest.fixture
def browser(settings: Settings) -> Client:
    """A visitor of the site with three faulty pages more."""
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["a visitor", "alice"])
@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "was not understood"), (403, "You may not do this"), (404, "There is nothing here"), (500, "went wrong")],
)
def test_each_fault_has_its_page(browser: Client, alice: User, who: str, status: int, words: str) -> None:
    if who == "alice":
        browser.force_login(alice)
    response = browser.get(f"/{status}/")
    assert response.status_code == status
    page = response.content.decode()
    assert words in page
    assert "ZeroDivisionError" not in page
    assert response["Cache-Control"] == "no-store"
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_the_500_page_needs_neither_context_nor_database(django_db_blocker: object) -> None:
    assert "Something went wrong" in get_template("500.html").render()


@pytest.mark.django_db
def test_a_form_without_its_token_says_that_nothing_was_saved(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post(reverse("account_login"), {"login": alice.email, "password": "x"})
    assert response.status_code == 403
    assert "Nothing was saved" in response.content.decode()


@pytest.mark.django_db
def test_pages_of_the_account_carry_no_inline_script_or_style(client: Client, alice: User) -> None:
    client.force_login(alice)
    pages = [client.get(reverse(name)) for name in ("account", "account_change_password", "account_logout")]
    client.logout()
    pages += [client.get(reverse(name)) for name in ("account_login", "account_reset_password", "account_signup")]
    for response in pages:
        page = response.content.decode()
        assert "style=" not in page
        assert "<script" not in page.replace('<script type="module" src=', "")
        assert "default-src 'none'" in response["Content-Security-Policy"]
