"""The statements behind a rater's every image and answer, written out: there are hundreds a second of them.

Building such a statement anew by Django's models for each request took several times as long as PostgreSQL needs to
answer it. Each comes with what it returns. The tables are those that `labelling` names, quoted as Django
quotes them, so that the tests which watch them see them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.signed_in import Account
from labeler.models import Label, Level, Membership, Study
from labeler.prepared import Statement

# In the order of the models' fields, as `from_db` wants them.
_MEMBERSHIP = ("id", "study_id", "user_id", "code", "state")
_STUDY = ("id", "name", "state", "grade_regions", "is_synthetic")
_LEVEL = ("id", "value")
_PLACE = """m.id, m.study_id, m.user_id, m.code, m.state, "labeler_study"."id", "labeler_study"."name",
    "labeler_study"."state", "labeler_study"."grade_regions", "labeler_study"."is_synthetic"
    FROM "labeler_membership" m JOIN "labeler_study" ON "labeler_study"."id" = m.study_id"""

_RATER = Statement(
    "goldfold_rater",
    f"""SELECT u.password, u.is_active, {_PLACE} JOIN "accounts_user" u ON u.id = m.user_id
    WHERE m.user_id = %(user)s AND m.study_id = %(study)s AND m.role = 'rater' AND m.state <> 'invited'""",
)

_LOCK = Statement("goldfold_lock", f"SELECT {_PLACE} WHERE m.id = %(rater)s FOR NO KEY UPDATE OF m")

_PICTURE = Statement(
    "goldfold_picture",
    """SELECT r.path, u.password, u.is_active
    FROM "labeler_assignment" a
    JOIN "labeler_membership" m ON m.id = a.membership_id
    JOIN "accounts_user" u ON u.id = m.user_id
    JOIN "labeler_rendition" r ON r.id = a.rendition_id
    WHERE a.token = %(token)s AND m.user_id = %(user)s AND m.study_id = %(study)s AND m.state = 'active'
        AND a.released_at IS NOT NULL AND r.path <> ''""",
)

# `shown_seq` is set with the first answer, and indexed; a label alone, from elsewhere, counts as an answer too.
_UNANSWERED = """a.membership_id = %(rater)s AND a.revoked_at IS NULL AND a.rendition_id IS NOT NULL
    AND a.shown_seq IS NULL AND NOT EXISTS (
        SELECT 1 FROM "labeler_label" l WHERE l.assignment_id = a.id AND l.region = 'face')"""

_LAST_SHOWN = """(SELECT shown_seq FROM "labeler_assignment" WHERE membership_id = %(rater)s AND shown_seq IS NOT NULL
    ORDER BY shown_seq DESC LIMIT 1)"""


@cache
def _window(size: int, far: int) -> Statement:
    """Sizes stand in the statement: a plan for any size would be one for a great many rows."""
    return Statement(
        f"goldfold_window_{size}_{far}",
        f"""WITH coming AS (
            SELECT a.id, a.token, a.sort_key, a.released_at FROM "labeler_assignment" a WHERE {_UNANSWERED}
            ORDER BY a.sort_key LIMIT {size} FOR NO KEY UPDATE OF a
        ), sent AS (
            UPDATE "labeler_assignment" a SET released_at = %(now)s FROM coming
            WHERE a.id = coming.id AND coming.released_at IS NULL
        )
        SELECT ARRAY(SELECT token FROM coming ORDER BY sort_key),
            (SELECT total FROM "labeler_queue" WHERE membership_id = %(rater)s), {_LAST_SHOWN},
            ARRAY(SELECT r.path FROM "labeler_assignment" a JOIN "labeler_rendition" r ON r.id = a.rendition_id
                WHERE {_UNANSWERED} ORDER BY a.sort_key LIMIT {far})""",
    )


# A row for each image; what belongs to the whole batch stands in each.
_KNOWN = Statement(
    "goldfold_known",
    f"""WITH items AS (
        SELECT a.id, a.token, a.released_at, a.shown_seq, a.sort_key FROM "labeler_assignment" a
        WHERE a.membership_id = %(rater)s AND a.token = ANY(%(tokens)s) AND a.released_at IS NOT NULL
        ORDER BY a.sort_key FOR NO KEY UPDATE OF a
    )
    SELECT items.id, items.token, items.released_at, items.shown_seq,
        ARRAY(SELECT l.id FROM "labeler_label" l WHERE l.assignment_id = items.id AND l.region = ANY(%(regions)s)),
        ARRAY(SELECT l.id FROM "labeler_label" l WHERE l.client_key = ANY(%(keys)s)), {_LAST_SHOWN},
        ARRAY(SELECT v.id FROM "labeler_level" v WHERE v.study_id = %(study)s ORDER BY v.order),
        ARRAY(SELECT v.value FROM "labeler_level" v WHERE v.study_id = %(study)s ORDER BY v.order)
    FROM items""",
)

# Of a label, column by column.
_WRITTEN = {
    "assignment_id": "bigint", "region": "text", "version": "int", "client_key": "uuid", "level_id": "bigint",
    "flag": "text", "unsure": "bool", "comment": "text", "stale": "bool", "client_time": "timestamptz",
    "decide_ms": "int", "viewing": "text",
}  # fmt: skip

_APPEND = Statement(
    "goldfold_append",
    f"""WITH shown AS (
        UPDATE "labeler_assignment" a SET first_shown_at = v.at, shown_seq = v.number
        FROM unnest(%(shown)s::bigint[], %(at)s::timestamptz[], %(numbers)s::int[]) AS v(id, at, number)
        WHERE a.id = v.id
    )
    INSERT INTO "labeler_label" ({", ".join(_WRITTEN)}, server_time, source)
    SELECT {", ".join(f"v.{name}::jsonb" if name == "viewing" else f"v.{name}" for name in _WRITTEN)}, %(now)s, 'web'
    FROM unnest({", ".join(f"%({name})s::{kind}[]" for name, kind in _WRITTEN.items())}) AS v({", ".join(_WRITTEN)})""",
)


@dataclass(slots=True)
class Item:
    """An image that an answer is of. `shown_seq` and `first_shown_at` are None until it has been answered."""

    id: int
    token: str
    released_at: datetime
    shown_seq: int | None
    first_shown_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What there is for a batch of answers: its images, their labels and those with its keys, the number of the last
    image shown, and the study's scale by value. Without any of its images, nothing else is known."""

    items: tuple[Item, ...]
    labels: tuple[Label, ...]
    last_shown: int
    levels: Mapping[float, Level]


@dataclass(frozen=True, slots=True)
class Coming:
    """A rater's next images: tokens in order, how many images there are and were shown, and stored files to come."""

    tokens: tuple[str, ...]
    total: int
    shown: int
    paths: tuple[str, ...]


def rater_of(user_id: int, study_id: int) -> tuple[Membership, Account] | None:
    """The person's place as a rater who was not merely invited, with its study, and what their session must fit."""
    row = _RATER.row({"user": user_id, "study": study_id})
    return (_membership(row[2:]), Account(*row[:2])) if row else None


def locked(membership_id: int) -> Membership:
    """The rater's place with its study, held until the transaction ends.

    The lock lines up a rater's requests, and the events that change a running study's queues.
    """
    row = _LOCK.row({"rater": membership_id})
    if row is None:
        raise Membership.DoesNotExist
    return _membership(row)


def window(membership_id: int, size: int, ahead: int) -> Coming:
    """Release the rater's next `size` images; the files of `ahead` more are named. The rater must be locked."""
    row = _window(size, size + ahead).row({"rater": membership_id, "now": timezone.now()})
    assert row is not None
    return Coming(tuple(row[0]), row[1] or 0, row[2] or 0, tuple(row[3]))


def picture_of(user_id: int, study_id: int, token: str) -> tuple[str, Account] | None:
    """Where the picture of a token lies that was released to this person, and what their session must fit."""
    row = _PICTURE.row({"token": token, "user": user_id, "study": study_id})
    return (row[0], Account(row[1], row[2])) if row else None


def known(membership: Membership, tokens: Iterable[str], keys: Iterable[UUID], regions: Iterable[str]) -> Known:
    """Read, and lock, what a batch of answers is about. The rater must be locked. `regions`: of whose labels to tell.

    The images are locked in the order in which a window locks them.
    """
    told = {"rater": membership.pk, "study": membership.study_id, "tokens": list(tokens), "keys": list(keys)}
    rows = _KNOWN.rows(told | {"regions": list(regions)})
    if not rows:
        return Known((), (), 0, {})
    by_key, last, level_ids, values = rows[0][5:]
    labels = {label for row in rows for label in row[4]} | set(by_key)
    there = Label.objects.filter(pk__in=labels).select_related("level").order_by("version") if labels else ()
    levels = {
        value: Level.from_db("default", _LEVEL, one)
        for value, one in zip(values, zip(level_ids, values, strict=True), strict=True)
    }
    return Known(tuple(Item(*row[:4]) for row in rows), tuple(there), last or 0, levels)


def append(labels: Sequence[Label], shown: Sequence[Item], now: datetime) -> None:
    """Write new labels, and when and as which in turn the images were shown that had no answer before."""
    columns = {name: [getattr(label, name) for label in labels] for name in _WRITTEN}
    columns["viewing"] = [json.dumps(viewing) for viewing in columns["viewing"]]
    items = {
        "shown": [item.id for item in shown],
        "at": [item.first_shown_at for item in shown],
        "numbers": [item.shown_seq for item in shown],
    }
    _APPEND.run({**columns, **items, "now": now})


def _membership(row: Sequence[Any]) -> Membership:
    found = Membership.from_db("default", _MEMBERSHIP, row[:5])
    found.study = Study.from_db("default", _STUDY, row[5:])
    return found
