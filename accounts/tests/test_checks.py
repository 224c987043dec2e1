"""Settings that contradict each other stop a command, with words that say what to do."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from accounts.tests.identity_provider import CLIENT_ID, CLIENT_SECRET, TENANT


def problems() -> list[str]:
    return [str(problem.id) for problem in run_checks() if str(problem.id).startswith("accounts.")]


def test_a_fresh_checkout_has_no_problems() -> None:
    assert problems() == []


@pytest.mark.parametrize("name", ["ENTRA_TENANT_ID", "ENTRA_CLIENT_ID", "ENTRA_CLIENT_SECRET"])
def test_entra_set_in_part_is_refused(settings: Settings, name: str) -> None:
    settings.ENTRA_TENANT_ID, settings.ENTRA_CLIENT_ID, settings.ENTRA_CLIENT_SECRET = TENANT, CLIENT_ID, CLIENT_SECRET
    assert problems() == []
    setattr(settings, name, "")
    assert problems() == ["accounts.E001"]
    with pytest.raises(SystemCheckError, match=name):
        call_command("check")


@pytest.mark.parametrize("tenant", ["common", "organizations", "clinic.example"])
def test_a_tenant_that_is_not_one_tenant_is_refused(settings: Settings, tenant: str) -> None:
    settings.ENTRA_TENANT_ID, settings.ENTRA_CLIENT_ID, settings.ENTRA_CLIENT_SECRET = tenant, CLIENT_ID, CLIENT_SECRET
    assert problems() == ["accounts.E002"]


def test_an_authority_without_tls_is_refused(settings: Settings) -> None:
    settings.ENTRA_TENANT_ID, settings.ENTRA_CLIENT_ID, settings.ENTRA_CLIENT_SECRET = TENANT, CLIENT_ID, CLIENT_SECRET
    settings.ENTRA_AUTHORITY = "http://login.example"
    assert problems() == ["accounts.E003"]


def test_the_checkouts_secret_key_is_refused_on_https(settings: Settings) -> None:
    settings.SECRET_KEY = settings.DEFAULT_SECRET_KEY
    settings.SITE_URL, settings.ALLOWED_HOSTS = "https://goldfold.example", ["goldfold.example"]
    assert problems() == ["accounts.E004"]
    settings.SECRET_KEY = "a secret of our own, of fifty characters or even more"
    assert problems() == []


@pytest.mark.django_db
def test_the_checkouts_secret_key_shows_a_banner_on_http(client: Client, alice: User, settings: Settings) -> None:
    client.force_login(alice)
    settings.SECRET_KEY = settings.DEFAULT_SECRET_KEY
    client.force_login(alice)
    banner = "secret key of a fresh checkout"
    assert banner in client.get(reverse("account")).content.decode()
    settings.SECRET_KEY = "a secret of our own, of fifty characters or even more"
    client.force_login(alice)
    assert banner not in client.get(reverse("account")).content.decode()


@pytest.mark.parametrize(
    ("url", "hosts", "expected"),
    [
        ("http://goldfold.example", ["127.0.0.1"], ["accounts.E006"]),
        ("http://goldfold.example:8000", ["goldfold.example"], []),
        ("http://study.goldfold.example", [".goldfold.example"], []),
        ("http://[::1]:8000", ["[::1]"], []),
        ("http://anything.example", ["*"], []),
        ("goldfold.example", ["goldfold.example"], ["accounts.E005"]),
        ("ftp://goldfold.example", ["goldfold.example"], ["accounts.E005"]),
    ],
)
def test_the_sites_address_must_be_one_that_it_answers(
    settings: Settings, url: str, hosts: list[str], expected: list[str]
) -> None:
    settings.SITE_URL, settings.ALLOWED_HOSTS = url, hosts
    assert problems() == expected
