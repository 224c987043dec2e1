"""Keys from the command line."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from accounts import api_keys
from accounts.models import ApiKey, AuditEvent
from labeler.models import Study

pytestmark = pytest.mark.django_db


def test_a_key_is_made_and_revoked(study: Study) -> None:
    out = io.StringIO()
    call_command("create_api_key", study.name, "clinic app", stdout=out, stderr=io.StringIO())
    raw = out.getvalue().strip()
    key = api_keys.verify(raw)
    assert key is not None and (key.study_id, key.name, key.created_by) == (study.pk, "clinic app", None)
    call_command("revoke_api_key", key.prefix, stdout=out)
    assert api_keys.verify(raw) is None
    events = AuditEvent.objects.filter(target_id=key.pk, verb__startswith="api_key").order_by("seq")
    assert [(event.verb, event.actor) for event in events] == [("api_key.created", None), ("api_key.revoked", None)]
    with pytest.raises(CommandError, match="revoked already"):
        call_command("revoke_api_key", key.prefix)


def test_mistakes_are_said_in_a_line(study: Study) -> None:
    with pytest.raises(CommandError, match="There is no study"):
        call_command("create_api_key", "999999", "clinic app")
    with pytest.raises(CommandError, match="needs a name"):
        call_command("create_api_key", str(study.pk), " ")
    with pytest.raises(CommandError, match="no key that begins"):
        call_command("revoke_api_key", "gf_nothing")
    assert not ApiKey.objects.exists()
