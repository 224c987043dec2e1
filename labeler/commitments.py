"""The study's word on who grades what, given before anybody can know it: a SHA-256 published now, opened at the end.

`commit` is called inside the transaction of the start and of every event after it. The document that the SHA-256 is of
lies in the store, and nobody is shown it before the close. docs/commitment.md describes it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import BinaryIO

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_noop as _

from accounts import audit
from accounts.audit import Actor
from labeler import file_store
from labeler.models import Assignment, Commitment, Fold, Membership, Role, Study

FORMAT = "goldfold commitment 1"
NONE_BEFORE = "-"

# What can happen, as documents say it and, after the close, in their reader's language, pages.
BEGAN = _("labelling began")
RATER_ADDED = _("a rater was added")
RATER_WITHDRAWN = _("a rater dropped out")
IMAGES_ADDED = _("images were added")
GOLDEN_WITHDRAWN = _("a golden image was withdrawn")
CLOSED = _("the study was closed")


class HashingFile:
    """Writes through to a file, and knows the SHA-256 of all that was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return self._file.write(data)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


@transaction.atomic
def commit(study: Study, event: str, *, actor: Actor) -> Commitment:
    """Publish what golden set, folds, orders and seed are now; `event` says in a few words what happened.

    Call it last in the transaction of what happened, under the study's lock.
    """
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    last = Commitment.objects.filter(study=study).order_by("number").last()
    number, previous = (last.number + 1, last.sha256) if last else (1, "")
    header = {
        "study": str(study.pk),
        "number": str(number),
        "previous": previous or NONE_BEFORE,
        "event": event,
        "nonce": secrets.token_hex(32),
    }
    written: list[str] = []

    def write(file: BinaryIO) -> str:
        hashing = HashingFile(file)
        write_document(study, header, hashing)
        written.append(hashing.sha256)
        return f"{number}-{hashing.sha256}.txt"

    path = file_store.keep_stream(f"studies/{study.pk}/commitments", write)
    made = Commitment.objects.create(
        study=study, number=number, sha256=written[0], previous=previous, event=event, path=path
    )
    after = {"number": number, "sha256": made.sha256}
    audit.record(actor, "commitment.published", made, study_id=study.pk, after=after)
    return made


def write_document(study: Study, header: Mapping[str, str], out: HashingFile) -> None:
    """Write the document as the database has it now. `header` gives what it can't know: number, event, nonce, …

    PostgreSQL makes the lines and they are written as they come, so a million images take no memory.
    """
    plan = Study.objects.values_list("seed", "overlap", "repeat_share").get(pk=study.pk)
    lines = [FORMAT, *(f"{name} {header[name]}" for name in ("study", "number", "previous", "event", "nonce"))]
    lines += (f"{name} {value}" for name, value in zip(("seed", "overlap", "repeats"), plan, strict=True))
    out.write("".join(f"{line}\n" for line in lines).encode())
    raters = list(_raters(study).order_by("pk").values_list("pk", "code"))
    with connection.cursor() as cursor:
        for pk, code in raters:
            _copy(cursor, _SENT, (f"sent {code} ", pk), out)
        _copy(cursor, _IMAGES, (f"{header['nonce']} ", study.pk), out)
        _copy(cursor, _GOLDEN, (study.pk,), out)
        _copy(cursor, _FOLDS, (study.pk,), out)
        for pk, code in raters:
            _copy(cursor, _ORDER, (f"order {code} ", pk), out)


def _raters(study: Study) -> QuerySet[Membership]:
    """Those who were dealt to, even where it was nothing."""
    dealt = Assignment.objects.filter(membership=OuterRef("pk"), rendition__isnull=False)
    seats = Membership.objects.filter(study=study, role=Role.RATER)
    return seats.filter(Exists(dealt) | Exists(Fold.objects.filter(membership=OuterRef("pk"))))


def _copy(cursor: object, query: str, parameters: tuple[object, ...], out: HashingFile) -> None:
    bound = cursor.mogrify(query, parameters).decode()  # type: ignore[attr-defined]
    cursor.copy_expert(f"COPY ({bound}) TO STDOUT", out)  # type: ignore[attr-defined]


_SENT = """
    SELECT %s || count(*) FROM labeler_assignment
    WHERE membership_id = %s AND revoked_at IS NULL AND rendition_id IS NOT NULL AND released_at IS NOT NULL
"""
# A picture's own SHA-256 is hidden behind the nonce, so that the document does not outlive an erasure as a fingerprint.
_IMAGES = """
    SELECT 'image ' || i.id || ' '
        || coalesce(encode(sha256(convert_to(%s || i.sha256, 'UTF8')), 'hex'), 'erased')
        || ' ' || coalesce(i.cluster, i.id)
    FROM labeler_image i
    WHERE i.study_id = %s AND (EXISTS (SELECT 1 FROM labeler_goldenitem g WHERE g.image_id = i.id)
        OR EXISTS (SELECT 1 FROM labeler_folditem x WHERE x.image_id = i.id))
    ORDER BY i.id
"""
_GOLDEN = """
    SELECT 'golden ' || image_id || CASE WHEN withdrawn_at IS NULL THEN '' ELSE ' withdrawn' END
    FROM labeler_goldenitem WHERE study_id = %s ORDER BY image_id
"""
_FOLDS = """
    SELECT 'fold ' || coalesce(m.code, '-') || ' ' || x.image_id
    FROM labeler_folditem x JOIN labeler_fold f ON f.id = x.fold_id
        LEFT JOIN labeler_membership m ON m.id = f.membership_id
    WHERE f.study_id = %s ORDER BY f.number, x.image_id
"""
_ORDER = """
    SELECT %s || image_id || ' ' || repeat FROM labeler_assignment
    WHERE membership_id = %s AND revoked_at IS NULL AND rendition_id IS NOT NULL ORDER BY sort_key
"""
