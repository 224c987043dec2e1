"""The statements behind a rater's every image and answer, written out: there are hundreds a second of them.

Building such a statement anew by Django's models for each request took several times as long as PostgreSQL needs to
answer it. Each comes with what it returns. The tables are those that `labelling` names, quoted as Django
quotes them, so that the tests which watch them see them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from accounts.signed_in import Account
from labeler.models import Label, Membership, Study
from labeler.prepared import Statement

# Of a row's number; an address may name any, and Django's models know that none is larger.
_LARGEST: Final = 2**63 - 1

# In the order of the models' fields, as `from_db` wants them.
_MEMBERSHIP = ("id", "study_id", "user_id", "code", "state")
_STUDY = ("id", "name", "state", "grade_regions", "is_synthetic")
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

# `shown_seq` is set with the first answer, and indexed; a label alone, from elsewhere, counts as an answer too. OFFSET
# 0 has it looked for image by image: a join became a walk through all labels for each image where a study's labels were
# too young to be in PostgreSQL's statistics.
_UNANSWERED = """a.membership_id = %(rater)s AND a.revoked_at IS NULL AND a.rendition_id IS NOT NULL
    AND a.shown_seq IS NULL AND NOT EXISTS (
        SELECT 1 FROM "labeler_label" l WHERE l.assignment_id = a.id AND l.region = 'face' OFFSET 0)"""

_LAST_SHOWN = """(SELECT shown_seq FROM "labeler_assignment" WHERE membership_id = %(rater)s AND shown_seq IS NOT NULL
    ORDER BY shown_seq DESC LIMIT 1)"""


# A statement that waited for a lock reads other rows as they were before it waited: the study may have been closed.
_STATE = """(SELECT "labeler_study"."state" FROM "labeler_membership" m
    JOIN "labeler_study" ON "labeler_study"."id" = m.study_id WHERE m.id = %(rater)s)"""


@cache
def _window(size: int, far: int) -> Statement:
    """Sizes stand in the statement: a plan for any size would be one for a great many rows."""
    return Statement(
        f"goldfold_window_{size}_{far}",
        f"""WITH ahead AS (
            SELECT a.id, a.token, a.sort_key, a.released_at, a.rendition_id FROM "labeler_assignment" a
            WHERE {_UNANSWERED} ORDER BY a.sort_key LIMIT {far}
        ), coming AS (
            SELECT id, token, sort_key, released_at FROM ahead ORDER BY sort_key LIMIT {size}
        ), sent AS (
            UPDATE "labeler_assignment" a SET released_at = %(now)s FROM coming
            WHERE a.id = coming.id AND coming.released_at IS NULL
        )
        SELECT {_STATE}, ARRAY(SELECT token FROM coming ORDER BY sort_key),
            (SELECT total FROM "labeler_queue" WHERE membership_id = %(rater)s), {_LAST_SHOWN},
            ARRAY(SELECT (SELECT r.path FROM "labeler_rendition" r WHERE r.id = ahead.rendition_id)
                FROM ahead ORDER BY sort_key)""",
    )


@cache
def _known(*, one: bool) -> Statement:
    """A row for each image; what belongs to the whole batch stands in each.

    One answer, which is nearly always all, has a statement of its own here and below: PostgreSQL would plan one that
    takes lists of any length anew each time, as it thinks that most lists are longer.
    """
    token, key = ("= %(tokens)s", "= %(keys)s") if one else ("= ANY(%(tokens)s)", "= ANY(%(keys)s)")
    return Statement(
        "goldfold_known" if one else "goldfold_known_several",
        f"""WITH items AS (
            SELECT a.id, a.token, a.released_at, a.shown_seq FROM "labeler_assignment" a
            WHERE a.membership_id = %(rater)s AND a.token {token} AND a.released_at IS NOT NULL
        )
        SELECT items.id, items.token, items.released_at, items.shown_seq, {_STATE},
            ARRAY(SELECT l.id FROM "labeler_label" l
                WHERE l.assignment_id = items.id AND (l.region = 'face' OR %(parts)s)),
            ARRAY(SELECT l.id FROM "labeler_label" l WHERE l.client_key {key}), {_LAST_SHOWN},
            ARRAY(SELECT v.id FROM "labeler_level" v WHERE v.study_id = %(study)s ORDER BY v.order),
            ARRAY(SELECT v.value FROM "labeler_level" v WHERE v.study_id = %(study)s ORDER BY v.order)
        FROM items""",
    )


_SHOWN = {"shown": "bigint", "first_shown_at": "timestamptz", "shown_seq": "int"}
_WRITTEN = {
    "assignment_id": "bigint",
    "region": "text",
    "version": "int",
    "client_key": "uuid",
    "level_id": "bigint",
    "flag": "text",
    "unsure": "bool",
    "comment": "text",
    "stale": "bool",
    "viewing": "text",
    "client_time": "timestamptz",
    "decide_ms": "int",
}


@cache
def _append(*, one: bool) -> Statement:
    """Writes labels, and of the images that had none before when and as which in turn they were shown."""
    return Statement(
        "goldfold_append" if one else "goldfold_append_several",
        f"""WITH shown AS (
            UPDATE "labeler_assignment" a SET first_shown_at = v.first_shown_at, shown_seq = v.shown_seq
            FROM {_given(_SHOWN, one=one)} WHERE a.id = v.shown
        )
        INSERT INTO "labeler_label" ({", ".join(_WRITTEN)}, server_time, source)
        SELECT {", ".join(f"v.{name}::jsonb" if name == "viewing" else f"v.{name}" for name in _WRITTEN)},
            %(now)s::timestamptz, 'web'
        FROM {_given(_WRITTEN, one=one)}""",
    )


def _given(columns: Mapping[str, str], *, one: bool) -> str:
    """The values as rows `v`: one, or as many as the lists are long."""
    if one:
        return f"(SELECT {', '.join(f'%({name})s::{kind} AS {name}' for name, kind in columns.items())}) v"
    return f"unnest({', '.join(f'%({name})s::{kind}[]' for name, kind in columns.items())}) v({', '.join(columns)})"


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
    image shown, and the ids of the study's levels by value. Without any of its images, nothing else is known.

    `state` is the study's, now that the rater is held.
    """

    items: tuple[Item, ...]
    labels: tuple[Label, ...]
    last_shown: int
    levels: Mapping[float, int]
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Coming:
    """A rater's next images: tokens in order, how many images there are and were shown, and stored files to come.

    `state` is the study's, now that the rater is held.
    """

    state: str
    tokens: tuple[str, ...]
    total: int
    shown: int
    paths: tuple[str, ...]


def rater_of(user_id: int, study_id: int) -> tuple[Membership, Account] | None:
    """The person's place as a rater who was not merely invited, with its study, and what their session must fit."""
    row = _RATER.row({"user": user_id, "study": study_id}) if study_id <= _LARGEST else None
    return (_membership(row[2:]), Account(*row[:2])) if row else None


def locked(membership_id: int) -> Membership:
    """The rater's place with its study, held until the transaction ends.

    The lock lines up all that changes the rater's images: their requests, and the events of a running study, its pause
    and its close, each of which holds every rater. So no image needs a lock of its own. Where it was waited for, the
    study is as it was before: `Known` and `Coming` tell its state.
    """
    row = _LOCK.row({"rater": membership_id})
    if row is None:
        raise Membership.DoesNotExist
    return _membership(row)


def window(membership_id: int, size: int, ahead: int) -> Coming:
    """Release the rater's next `size` images; the files of `ahead` more are named. The rater must be locked."""
    row = _window(size, size + ahead).row({"rater": membership_id, "now": timezone.now()})
    assert row is not None
    state, tokens, total, shown, paths = row
    return Coming(state, tuple(tokens), total or 0, shown or 0, tuple(paths))


def picture_of(user_id: int, study_id: int, token: str) -> tuple[str, Account] | None:
    """Where the picture of a token lies that was released to this person, and what their session must fit."""
    row = _PICTURE.row({"token": token, "user": user_id, "study": study_id}) if study_id <= _LARGEST else None
    return (row[0], Account(row[1], row[2])) if row else None


def known(membership: Membership, tokens: Sequence[str], keys: Sequence[UUID]) -> Known:
    """Read what a batch of answers is about: a token and a key for each. The rater must be locked."""
    told = {"rater": membership.pk, "study": membership.study_id, "parts": membership.study.grade_regions}
    one = len(tokens) == 1
    rows = _known(one=one).rows(told | _values({"tokens": tokens, "keys": keys}, one=one))
    if not rows:
        return Known((), (), 0, {})
    state, _, by_key, last, level_ids, values = rows[0][4:]
    labels = {label for row in rows for label in row[5]} | set(by_key)
    there = Label.objects.filter(pk__in=labels).select_related("level").order_by("version") if labels else ()
    levels = dict(zip(values, level_ids, strict=True))
    return Known(tuple(Item(*row[:4]) for row in rows), tuple(there), last or 0, levels, state)


def append(labels: Sequence[Label], shown: Sequence[Item], now: datetime) -> None:
    """Write new labels, and when and as which in turn the images were shown that had no answer before."""
    one = len(labels) == 1
    columns = {name: [getattr(label, name) for label in labels] for name in _WRITTEN}
    columns["viewing"] = [json.dumps(viewing) for viewing in columns["viewing"]]
    columns["shown"] = [item.id for item in shown]
    columns |= {name: [getattr(item, name) for item in shown] for name in ("first_shown_at", "shown_seq")}
    _append(one=one).run(_values(columns, one=one) | {"now": now})


def _values(columns: Mapping[str, Sequence[object]], *, one: bool) -> dict[str, object]:
    """As the statement for one row, or for several, takes them."""
    return {name: next(iter(values), None) if one else list(values) for name, values in columns.items()}


def _membership(row: Sequence[Any]) -> Membership:
    found = Membership.from_db("default", _MEMBERSHIP, row[:5])
    found.study = Study.from_db("default", _STUDY, row[5:])
    return found
