"""The audit trail: `record` is called inside every action, in the same transaction as what it records."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection, models
from django.http import HttpRequest

from accounts.models import AuditEvent, User


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in user with their request's address, or the system (`user` None: a command or a job)."""

    user: User | None = None
    address: str | None = None
    request_id: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Actor:
        """The signed-in user of a request; an anonymous one acts as nobody."""
        user = request.user if isinstance(request.user, User) else None
        return cls(user, _address(request), getattr(request, "request_id", ""))


def _address(request: HttpRequest) -> str | None:
    """Where the request came from; behind a proxy, what that proxy says, which is the last entry.

    None for what is no address: the sender may have made it up, and must not make the action fail.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    told = forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR") or ""
    try:
        return str(ipaddress.ip_address(told.partition("%")[0]))
    except ValueError:
        return None


SYSTEM = Actor()


def record(
    actor: Actor,
    verb: str,
    target: models.Model,
    *,
    study_id: int | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append what `actor` did to `target`; `before` and `after` hold the fields that changed.

    Raises RuntimeError outside a transaction, for then the record could outlive or miss what it records.
    """
    event = _event(actor, verb, target, study_id, before, after)
    event.save(force_insert=True)
    return event


def record_all(
    actor: Actor, verb: str, changes: Iterable[tuple[models.Model, dict[str, Any]]], *, study_id: int | None = None
) -> None:
    """Append one record for each target and its `after`, in one statement. Raises RuntimeError as `record` does."""
    AuditEvent.objects.bulk_create(_event(actor, verb, target, study_id, None, after) for target, after in changes)


def _event(
    actor: Actor,
    verb: str,
    target: models.Model,
    study_id: int | None,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> AuditEvent:
    if not connection.in_atomic_block:
        raise RuntimeError(f"audit record {verb!r} outside a transaction")
    return AuditEvent(
        actor=actor.user,
        verb=verb,
        study_id=study_id,
        target_type=target._meta.label_lower,
        target_id=target.pk,
        before=before,
        after=after,
        address=actor.address,
        request_id=actor.request_id,
    )
