"""Sign-in with Entra ID, against a real identity provider on loopback, over TLS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import audit, users
from accounts.models import AuditEvent, User
from accounts.tests.identity_provider import CLIENT_ID, CLIENT_SECRET, TENANT, IdentityProvider, Server
from accounts.users import EntraIdentity

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as _Response

OTHER_TENANT = "99999999-aaaa-4bbb-8ccc-999999999999"
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    bundle = tmp_path_factory.mktemp("authority") / "ca.pem"
    with Server() as running:
        running.authority.cert_pem.write_to_path(str(bundle))
        yield running, bundle


@pytest.fixture
def idp(server: tuple[Server, Path], settings: Settings, monkeypatch: pytest.MonkeyPatch) -> IdentityProvider:
    """The provider in its best behaviour, with the site set up for it."""
    running, bundle = server
    fresh = IdentityProvider(key=running.provider.key, url=running.provider.url)
    running.provider.__dict__.update(fresh.__dict__)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    settings.ENTRA_TENANT_ID, settings.ENTRA_CLIENT_ID, settings.ENTRA_CLIENT_SECRET = TENANT, CLIENT_ID, CLIENT_SECRET
    settings.ENTRA_AUTHORITY = running.provider.url
    settings.ENTRA_ON = True
    return running.provider


def at_entra(client: Client, next_page: str = "") -> str:
    """Press “Sign in with Microsoft” and consent there; returns the address that Entra sends the browser back to."""
    away = client.get(reverse("entra_login"), {"next": next_page} if next_page else {})
    assert away.status_code == 302, away.content.decode()
    back = requests.get(away["Location"], allow_redirects=False, timeout=60)
    assert back.status_code == 302
    parts = urlsplit(back.headers["Location"])
    return f"{parts.path}?{parts.query}"


def sign_in(client: Client) -> _Response:
    return client.get(at_entra(client))


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_first_sign_in_makes_an_account_without_any_study(idp: IdentityProvider, client: Client) -> None:
    response = sign_in(client)
    assert (response.status_code, response["Location"]) == (302, reverse("home"))
    user = User.objects.get()
    assert (user.email, user.name, user.is_admin) == ("erika@clinic.example", "Erika Muster", False)
    assert (str(user.entra_tenant_id), str(user.entra_object_id)) == (TENANT, idp.claims["oid"])
    assert not user.has_usable_password()
    assert client.session["_auth_user_id"] == str(user.pk)
    verbs = list(AuditEvent.objects.filter(target_id=user.pk).order_by("seq").values_list("verb", flat=True))
    assert verbs == ["user.created_from_entra", "user.signed_in"]


def test_the_request_carries_state_nonce_and_pkce_for_the_pinned_tenant(idp: IdentityProvider, client: Client) -> None:
    address = urlsplit(client.get(reverse("entra_login"))["Location"])
    query = parse_qs(address.query)
    assert address.path == f"/{TENANT}/oauth2/v2.0/authorize"
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]
    assert all(len(query[name][0]) >= 16 for name in ("state", "nonce", "code_challenge"))


def test_second_sign_in_finds_the_same_account_even_with_a_new_email(idp: IdentityProvider, client: Client) -> None:
    sign_in(client)
    idp.claims["email"] = "erika@elsewhere.example"
    again = Client()
    sign_in(again)
    assert again.session["_auth_user_id"] == client.session["_auth_user_id"]
    assert User.objects.get().email == "erika@clinic.example"


def test_sign_in_leads_to_the_page_that_was_asked_for_but_not_off_this_site(
    idp: IdentityProvider, client: Client
) -> None:
    assert client.get(at_entra(client, reverse("account")))["Location"] == reverse("account")
    stranger = Client()
    assert stranger.get(at_entra(stranger, "https://evil.example/"))["Location"] == reverse("home")


@pytest.mark.parametrize(
    "overrides",
    [
        {"tid": OTHER_TENANT},
        {"tid": None},
        {"oid": "nobody"},
        {"nonce": "of another sign-in"},
        {"aud": "another application"},
        {"iss": f"https://login.example/{TENANT}/v2.0"},
        {"exp": 1_000_000_000},
    ],
    ids=lambda overrides: "-".join(overrides) + ("-missing" if None in overrides.values() else ""),
)
def test_a_token_that_is_not_for_us_signs_nobody_in(
    idp: IdentityProvider, client: Client, overrides: dict[str, object]
) -> None:
    idp.overrides = overrides
    response = sign_in(client)
    assert response.status_code == 403
    assert not signed_in(client)
    assert not User.objects.exists()


def test_a_token_that_somebody_else_signed_signs_nobody_in(idp: IdentityProvider, client: Client) -> None:
    idp.signs_with = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    response = sign_in(client)
    assert "could not be verified" in response.content.decode()
    assert not User.objects.exists()


def test_a_person_of_another_tenant_reads_why(idp: IdentityProvider, client: Client) -> None:
    idp.overrides = {"tid": OTHER_TENANT}
    assert "another organisation" in sign_in(client).content.decode()


def test_a_replayed_answer_is_refused(idp: IdentityProvider, client: Client) -> None:
    back = at_entra(client)
    assert client.get(back).status_code == 302
    assert "was used already, or took too long" in client.get(back).content.decode()
    client.post(reverse("account_logout"))
    assert client.get(back).status_code == 403
    assert not signed_in(client)


def test_an_answer_to_another_browser_is_refused(idp: IdentityProvider, client: Client) -> None:
    """What an attacker would do to sign a victim in as themself: hand over their own answer."""
    theirs = at_entra(Client())
    client.get(reverse("entra_login"))
    assert client.get(theirs).status_code == 403
    assert not signed_in(client)


def test_denied_consent_is_told_plainly(idp: IdentityProvider, client: Client) -> None:
    idp.denies = True
    response = sign_in(client)
    assert response.status_code == 403
    assert "cancelled" in response.content.decode()
    assert not User.objects.exists()


def test_a_local_account_with_the_same_email_is_not_taken_over(
    idp: IdentityProvider, client: Client, alice: User
) -> None:
    idp.claims["email"] = "ALICE@example.org"
    response = sign_in(client)
    assert response.status_code == 409
    assert f"link_entra ALICE@example.org {idp.claims['oid']}" in response.content.decode()
    assert not signed_in(client)
    alice.refresh_from_db()
    assert alice.entra_object_id is None
    assert User.objects.count() == 1


def test_a_linked_account_is_opened(idp: IdentityProvider, client: Client, alice: User) -> None:
    users.link_entra(alice, uuid.UUID(TENANT), uuid.UUID(idp.claims["oid"]), actor=audit.SYSTEM)
    sign_in(client)
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_a_closed_account_stays_closed(idp: IdentityProvider, client: Client) -> None:
    sign_in(client)
    users.deactivate_user(User.objects.get(), actor=audit.SYSTEM)
    again = Client()
    assert sign_in(again)["Location"] == reverse("account_inactive")
    assert not signed_in(again)


def test_a_person_without_an_email_is_told_so(idp: IdentityProvider, client: Client) -> None:
    idp.claims["email"] = ""
    response = sign_in(client)
    assert (response.status_code, "no email address" in response.content.decode()) == (403, True)


def test_an_unreachable_provider_is_a_message_not_a_crash(
    idp: IdentityProvider, client: Client, settings: Settings
) -> None:
    settings.ENTRA_AUTHORITY = "https://127.0.0.1:1"
    response = client.get(reverse("entra_login"))
    assert response.status_code == 503
    assert "can’t be reached" in response.content.decode().replace("&#x27;", "’")


def test_a_provider_with_a_certificate_of_nobody_is_not_believed(
    idp: IdentityProvider, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert client.get(reverse("entra_login")).status_code == 503


def test_a_wrong_client_secret_is_refused(idp: IdentityProvider, client: Client, settings: Settings) -> None:
    settings.ENTRA_CLIENT_SECRET = "mistyped"
    response = sign_in(client)
    assert (response.status_code, "invalid_client" in response.content.decode()) == (403, True)


def test_two_first_sign_ins_at_once_make_one_account(idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second looked before the first had written."""
    identity = EntraIdentity(uuid.UUID(TENANT), uuid.UUID(idp.claims["oid"]), "erika@clinic.example", "Erika")
    first = users.user_for_entra(identity, actor=audit.SYSTEM)
    answers = iter([None, first])
    monkeypatch.setattr(users, "_linked", lambda identity: next(answers))
    assert users.user_for_entra(identity, actor=audit.SYSTEM) == first
    assert User.objects.count() == 1


def test_without_its_settings_there_is_no_such_way_in(client: Client) -> None:
    assert client.get(reverse("entra_login")).status_code == 404
    assert client.get(reverse("entra_callback")).status_code == 404
    assert "Microsoft" not in client.get(reverse("account_login")).content.decode()


def test_with_its_settings_the_sign_in_page_offers_it_and_keeps_the_way(idp: IdentityProvider, client: Client) -> None:
    page = client.get(reverse("account_login"), {"next": "/studies/1/?a=b&c"}).content.decode()
    assert f"{reverse('entra_login')}?next=%2Fstudies%2F1%2F%3Fa%3Db%26c" in page
