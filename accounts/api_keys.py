"""Keys with which programs score selfies: made, checked, revoked. The key itself is shown once; a digest is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.models import ApiKey

MARK = "gf_"
SECRET_BYTES = 32
# Enough to tell keys apart in a list, and nothing towards guessing the rest.
PREFIX_LENGTH = len(MARK) + 8
SHAPE = re.compile(rf"{MARK}[A-Za-z0-9_-]{{43}}")
LONGEST_NAME = 80
USE_NOTED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create_key(name: str, study_id: int, actor: Actor) -> tuple[ApiKey, str]:
    """Make a key for the study, and return it with the raw key, which nobody can read again.

    Raises ValidationError for a name that is empty or too long.
    """
    name = name.strip()
    if not name:
        raise ValidationError({"name": "A key needs a name, so that you know later what it was for."})
    if len(name) > LONGEST_NAME:
        raise ValidationError({"name": f"A key's name has at most {LONGEST_NAME} characters."})
    raw = MARK + secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey.objects.create(
        name=name, prefix=raw[:PREFIX_LENGTH], digest=_digest(raw), study_id=study_id, created_by=actor.user
    )
    after = {"name": key.name, "prefix": key.prefix}
    audit.record(actor, "api_key.created", key, study_id=study_id, after=after)
    return key, raw


def verify(raw: str) -> ApiKey | None:
    """The key in force that `raw` is, or None. How long it takes tells nothing of how much of a guess was right."""
    if not SHAPE.fullmatch(raw):
        return None
    key = ApiKey.objects.filter(prefix=raw[:PREFIX_LENGTH], revoked_at=None).first()
    right = hmac.compare_digest(key.digest if key else "", _digest(raw))
    return key if right else None


def note_use(key: ApiKey) -> None:
    """Keep when the key was last used, to the minute, so that a busy key doesn't write a row with every request."""
    now = timezone.now()
    stale = now - USE_NOTED_EVERY
    if key.last_used_at is not None and key.last_used_at > stale:
        return
    rows = ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=stale), pk=key.pk)
    rows.update(last_used_at=now)


@transaction.atomic
def revoke(key: ApiKey, actor: Actor) -> bool:
    """From now on the key opens nothing. False when it was revoked already."""
    now = timezone.now()
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        return False
    key.revoked_at = now
    audit.record(actor, "api_key.revoked", key, study_id=key.study_id, after={"prefix": key.prefix})
    return True


def _digest(raw: str) -> str:
    """The key is 256 random bits, so one plain sha256 is enough: there is no dictionary to slow down."""
    return hashlib.sha256(raw.encode()).hexdigest()
