"""Each verb on an account, and the rules that the database keeps."""

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts import audit, users
from accounts.models import AuditEvent, User
from tests.cast import PASSWORD

TENANT, OBJECT = uuid.uuid4(), uuid.uuid4()
pytestmark = pytest.mark.django_db


def last_verb() -> str:
    return AuditEvent.objects.latest("seq").verb


def test_create_user_keeps_the_email_in_small_letters_and_records_it() -> None:
    user = users.create_user(" Dora@Example.ORG ", actor=audit.SYSTEM, name=" Dora ", password=PASSWORD)
    assert (user.email, user.name, user.is_admin, user.is_active) == ("dora@example.org", "Dora", False, True)
    assert user.check_password(PASSWORD)
    event = AuditEvent.objects.latest("seq")
    assert event.verb == "user.created"
    assert PASSWORD not in str(event.after)


@pytest.mark.parametrize("email", ["", "dora", "dora@", "do ra@example.org"])
def test_an_email_that_is_none_is_refused_by_name(email: str) -> None:
    with pytest.raises(ValidationError) as caught:
        users.create_user(email, actor=audit.SYSTEM)
    assert list(caught.value.message_dict) == ["email"]


@pytest.mark.parametrize("password", ["short", "password1234", "dora@example.org"])
def test_a_weak_password_is_refused_by_name(password: str) -> None:
    with pytest.raises(ValidationError) as caught:
        users.create_user("dora@example.org", actor=audit.SYSTEM, password=password)
    assert list(caught.value.message_dict) == ["password"]
    assert not User.objects.exists()


def test_an_email_is_taken_in_any_case(alice: User) -> None:
    with pytest.raises(ValidationError, match=r"account for alice@example\.org already"):
        users.create_user("ALICE@Example.org", actor=audit.SYSTEM)


def test_the_database_knows_an_email_once_in_any_case(alice: User) -> None:
    with pytest.raises(IntegrityError, match="user_email_once_in_any_case"), transaction.atomic():
        User(email="ALICE@example.org").save()


def test_an_invited_person_chooses_a_password_once_and_signs_in(client: Client, root: User) -> None:
    user, url = users.invite("dora@example.org", "Dora", audit.Actor(root))
    assert not user.has_usable_password()
    assert AuditEvent.objects.latest("seq").actor == root
    path = url.removeprefix("http://127.0.0.1:8000")
    form = client.get(path, follow=True)
    assert form.status_code == 200
    choice = {"password1": PASSWORD, "password2": PASSWORD}
    saved = client.post(form.redirect_chain[-1][0], choice, follow=True)
    assert "Your password is saved" in saved.content.decode()
    assert last_verb() == "user.password_set"
    client.post(reverse("account_login"), {"login": "dora@example.org", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(user.pk)
    assert "no longer valid" in Client().get(path).content.decode()


def test_a_made_up_link_sets_no_password(client: Client, alice: User) -> None:
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": "1", "key": "made-up"})
    assert "no longer valid" in client.get(path, follow=True).content.decode()


def test_a_closed_account_cannot_sign_in_and_its_session_ends(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("account")).status_code == 200
    users.deactivate_user(alice, actor=audit.SYSTEM)
    assert client.get(reverse("account")).status_code == 302
    again = Client()
    response = again.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    assert response["Location"] == reverse("account_inactive")
    assert "_auth_user_id" not in again.session
    assert "closed" in again.get(response["Location"]).content.decode()


def test_closing_and_opening_say_when_there_is_nothing_to_do(alice: User) -> None:
    with pytest.raises(ValidationError, match="open already"):
        users.reactivate_user(alice, actor=audit.SYSTEM)
    users.deactivate_user(alice, actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="closed already"):
        users.deactivate_user(alice, actor=audit.SYSTEM)
    users.reactivate_user(alice, actor=audit.SYSTEM)
    assert User.objects.get(pk=alice.pk).is_active
    assert last_verb() == "user.reactivated"


def test_linking_takes_the_password_and_open_sessions_away(client: Client, alice: User) -> None:
    client.force_login(alice)
    users.link_entra(alice, TENANT, OBJECT, actor=audit.SYSTEM)
    assert client.get(reverse("account")).status_code == 302
    again = Client()
    again.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    assert "_auth_user_id" not in again.session
    assert last_verb() == "user.entra_linked"


def test_an_entra_identity_opens_one_account_only(alice: User, bob: User) -> None:
    users.link_entra(alice, TENANT, OBJECT, actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match=r"linked to alice@example\.org already"):
        users.link_entra(bob, TENANT, OBJECT, actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="is linked to the Entra object"):
        users.link_entra(alice, TENANT, uuid.uuid4(), actor=audit.SYSTEM)
    with pytest.raises(IntegrityError, match="user_entra_identity_once"), transaction.atomic():
        User.objects.filter(pk=bob.pk).update(entra_tenant_id=TENANT, entra_object_id=OBJECT)


def test_half_an_entra_identity_is_refused_by_the_database(alice: User) -> None:
    with pytest.raises(IntegrityError, match="user_entra_identity_whole"), transaction.atomic():
        User.objects.filter(pk=alice.pk).update(entra_object_id=OBJECT)
