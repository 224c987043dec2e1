"""Signing in and out with a password, as a browser does it."""

import uuid

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts import audit, users
from accounts.models import AuditEvent, User
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "another long passphrase"


def sign_in(client: Client, email: str = "alice@example.org", password: str = PASSWORD, **more: str) -> int:
    return client.post(reverse("account_login"), {"login": email, "password": password, **more}).status_code


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


@pytest.mark.parametrize("email", ["alice@example.org", "ALICE@Example.ORG", " Alice@example.org "])
def test_an_email_signs_in_in_any_case(client: Client, alice: User, email: str) -> None:
    assert sign_in(client, email) == 302
    assert client.session["_auth_user_id"] == str(alice.pk)
    event = AuditEvent.objects.latest("seq")
    assert (event.verb, event.actor, event.target_id) == ("user.signed_in", alice, alice.pk)


def test_a_wrong_password_and_a_wrong_email_read_the_same(client: Client, alice: User) -> None:
    pages = []
    for email, password in (("alice@example.org", "wrong password"), ("nobody@example.org", PASSWORD)):
        response = client.post(reverse("account_login"), {"login": email, "password": password})
        assert response.status_code == 200
        pages.append(list(response.context["form"].non_field_errors()))
    assert pages[0] == pages[1] != []
    assert not signed_in(client)


def test_who_is_signed_out_is_sent_to_sign_in_and_then_on(client: Client, alice: User) -> None:
    response = client.get(reverse("account"))
    assert response["Location"] == f"{reverse('account_login')}?next={reverse('account')}"
    response = client.post(
        reverse("account_login"), {"login": alice.email, "password": PASSWORD, "next": reverse("account")}
    )
    assert response["Location"] == reverse("account")


def test_sign_in_never_leads_off_this_site(client: Client, alice: User) -> None:
    response = client.post(
        reverse("account_login"), {"login": alice.email, "password": PASSWORD, "next": "https://evil.example/"}
    )
    assert response["Location"] == reverse("home")


def test_sign_out_needs_a_post_and_ends_the_session(client: Client, alice: User) -> None:
    sign_in(client)
    assert client.get(reverse("account_logout")).status_code == 200
    assert signed_in(client)
    assert client.post(reverse("account_logout"))["Location"] == reverse("account_login")
    assert not signed_in(client)


def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites(client: Client, alice: User) -> None:
    sign_in(client)
    cookie = client.cookies[django_settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["secure"]  # the default address is http


def test_behind_https_cookies_travel_over_https_only(client: Client, alice: User, settings: Settings) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    sign_in(client)
    assert client.cookies[django_settings.SESSION_COOKIE_NAME]["secure"]


def test_signing_in_changes_the_session_key(client: Client, alice: User) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies[django_settings.SESSION_COOKIE_NAME] = str(session.session_key)
    sign_in(client)
    assert client.session.session_key != session.session_key


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", ["account_signup", "account_email", "account_set_password", "account_reauthenticate"])
def test_nobody_signs_up_or_changes_their_email(client: Client, name: str, method: str) -> None:
    form = {"email": "dora@example.org", "password1": PASSWORD, "password2": PASSWORD}
    response = getattr(client, method)(reverse(name), form)
    assert response.status_code == 403
    assert "Accounts in Goldfold are made" in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize("path", ["3rdparty/", "3rdparty/signup/", "social/signup/", "login/code/", "confirm-email/"])
def test_allauths_other_pages_do_not_exist(client: Client, path: str) -> None:
    assert client.get(f"/accounts/{path}").status_code == 404


def test_change_password(client: Client, alice: User) -> None:
    sign_in(client)
    elsewhere = Client()
    sign_in(elsewhere)
    form = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    response = client.post(reverse("account_change_password"), form, follow=True)
    assert response.redirect_chain == [(reverse("account"), 302)]
    assert "Your password is saved" in response.content.decode()
    assert elsewhere.get(reverse("account")).status_code == 302
    event = AuditEvent.objects.filter(verb="user.password_set").get()
    assert (event.actor, event.target_id) == (alice, alice.pk)
    assert sign_in(Client(), password=NEW_PASSWORD) == 302


def test_change_password_asks_for_the_old_one_and_refuses_a_weak_one(client: Client, alice: User) -> None:
    sign_in(client)
    for old, new in (("wrong", NEW_PASSWORD), (PASSWORD, "1234567890")):
        form = {"oldpassword": old, "password1": new, "password2": new}
        assert client.post(reverse("account_change_password"), form).context["form"].errors
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_a_forgotten_password_is_chosen_anew_by_a_mailed_link(client: Client, alice: User) -> None:
    response = client.post(
        reverse("account_reset_password"), {"email": "Alice@example.org"}, HTTP_HOST="localhost", follow=True
    )
    assert "Look in your mail" in response.content.decode()
    (message,) = mail.outbox
    assert message.to == ["alice@example.org"]
    assert message.subject == "Goldfold: Choose a new password"
    link = next(line for line in message.body.splitlines() if line.startswith(django_settings.SITE_URL))
    form = client.get(link.removeprefix(django_settings.SITE_URL), follow=True)
    client.post(form.redirect_chain[-1][0], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert sign_in(Client(), password=NEW_PASSWORD) == 302
    assert sign_in(Client(), password=PASSWORD) == 200


def test_asking_for_a_link_tells_nobody_whose_account_exists(client: Client, alice: User) -> None:
    pages = [
        client.post(reverse("account_reset_password"), {"email": email}, follow=True).content
        for email in ("alice@example.org", "nobody@example.org")
    ]
    assert pages[0] == pages[1]
    assert "no open account with this email" in mail.outbox[1].body


def test_who_signs_in_with_microsoft_gets_no_password_here(client: Client, alice: User) -> None:
    users.link_entra(alice, uuid.uuid4(), uuid.uuid4(), actor=audit.SYSTEM)
    client.post(reverse("account_reset_password"), {"email": alice.email})
    (message,) = mail.outbox
    assert "Microsoft" in message.body
    assert "/password/" not in message.body
    client.force_login(alice)
    assert client.get(reverse("account_change_password"), follow=True).status_code == 403


def test_the_account_page_says_who_you_are(client: Client, alice: User) -> None:
    client.force_login(alice)
    page = client.get(reverse("account")).content.decode()
    assert "Alice" in page
    assert "alice@example.org" in page
    assert reverse("account_change_password") in page
    assert "Administrator" not in page
