"""The commands do what the actions do, and say in one line what is wrong."""

import io
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.tests.identity_provider import TENANT
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_create_user_prints_a_link_that_works(client: Client) -> None:
    printed = run("create_user", "Dora@example.org", "--name", "Dora", "--admin")
    assert "Made the account of dora@example.org (administrator)." in printed
    link = printed.splitlines()[-1].removeprefix("http://127.0.0.1:8000")
    assert "Choose a password" in client.get(link, follow=True).content.decode()
    user = User.objects.get()
    assert (user.name, user.is_admin, user.has_usable_password()) == ("Dora", True, False)


def test_create_user_takes_a_password_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    printed = run("create_user", "dora@example.org", "--password-stdin")
    assert PASSWORD not in printed
    assert "http" not in printed
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize(("typed", "message"), [("\n", "standard input is empty"), ("short\n", "too short")])
def test_create_user_refuses_a_useless_password(monkeypatch: pytest.MonkeyPatch, typed: str, message: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(CommandError, match=message):
        run("create_user", "dora@example.org", "--password-stdin")
    assert not User.objects.exists()


def test_create_user_refuses_a_taken_email(alice: User) -> None:
    with pytest.raises(CommandError, match=r"There is an account for alice@example\.org already"):
        run("create_user", "Alice@example.org")


def test_deactivate_user_and_its_undoing(alice: User) -> None:
    assert run("deactivate_user", "Alice@example.org") == "The account of alice@example.org is closed.\n"
    with pytest.raises(CommandError, match="closed already"):
        run("deactivate_user", "alice@example.org")
    assert run("deactivate_user", "alice@example.org", "--undo") == "The account of alice@example.org is open again.\n"
    with pytest.raises(CommandError, match=r"no account for nobody@example\.org"):
        run("deactivate_user", "nobody@example.org")


def test_link_entra(alice: User, settings: Settings) -> None:
    object_id = str(uuid.uuid4())
    with pytest.raises(CommandError, match="Sign-in with Entra ID is off"):
        run("link_entra", "alice@example.org", object_id)
    settings.ENTRA_ON, settings.ENTRA_TENANT_ID = True, TENANT
    assert "signs in with Microsoft" in run("link_entra", "Alice@example.org", object_id)
    alice.refresh_from_db()
    assert (str(alice.entra_tenant_id), str(alice.entra_object_id)) == (TENANT, object_id)
    with pytest.raises(CommandError, match="linked to the Entra object"):
        run("link_entra", "alice@example.org", str(uuid.uuid4()))
    with pytest.raises(CommandError, match="invalid UUID"):
        run("link_entra", "alice@example.org", "not an id")
