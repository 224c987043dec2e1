"""The study that is labelled: pictures imported by the product's own code, dealt to many raters, who are signed in."""

from __future__ import annotations

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
from django.db import connection, connections, transaction

from accounts import audit
from accounts.models import User
from bench.answers.pictures import selfie
from bench.answers.sessions import session_of
from labeler.import_rows import Incoming
from labeler.import_table import NOTHING_KNOWN
from labeler.importing import add_all, prepare
from labeler.models import Membership, Rendition, Role, Study, StudyState
from labeler.studies import add_member, create_study, set_state

NAME = "The study that is labelled"
BATCH = 50
# Each rater's images in an order of their own; what is dealt beyond the pictures there are is a further repeat of them.
_DEAL = """
    INSERT INTO labeler_assignment (membership_id, image_id, rendition_id, repeat, token, sort_key, revoke_reason)
    SELECT %(rater)s, image_id, id, repeat,
        substr(encode(sha256((%(rater)s || ' ' || id || ' ' || repeat)::bytea), 'hex'), 1, 22),
        1000 * row_number() OVER (ORDER BY repeat, md5(%(rater)s || ' ' || id)), ''
    FROM (SELECT r.id, r.image_id, n AS repeat FROM labeler_rendition r, generate_series(0, %(items)s / %(pictures)s) n
        ORDER BY n, md5(%(rater)s || ' ' || r.id) LIMIT %(items)s) dealt
"""


def build(pictures: str, items: str) -> None:
    """Import so many pictures; a rater for each number in `items`, a list in JSON, who gets so many images."""
    study = create_study(NAME, actor=audit.SYSTEM, lead=None, seed=230)
    _import(study, int(pictures))
    queues: list[int] = json.loads(items)
    with transaction.atomic():
        for number, queue in enumerate(queues, start=1):
            user = User.objects.create(email=f"rater{number}@example.org", name=f"Rater {number}")
            rater = add_member(study, Role.RATER, user=user, actor=audit.SYSTEM)
            with connection.cursor() as cursor:
                cursor.execute(_DEAL, {"rater": rater.pk, "items": queue, "pictures": int(pictures)})
        set_state(study, StudyState.LABELLING, actor=audit.SYSTEM)


def _import(study: Study, pictures: int) -> None:
    connections.close_all()  # a forked process must not share one
    batches = [range(first, min(first + BATCH, pictures)) for first in range(0, pictures, BATCH)]
    fork = get_context("fork")
    with ProcessPoolExecutor(os.cpu_count(), fork, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        list(pool.map(_add, [study.pk] * len(batches), batches))


def _add(study_id: int, numbers: range) -> None:
    files = [Incoming(f"IMG_{number:05d}.JPG", prepare(study_id, selfie(number)), NOTHING_KNOWN) for number in numbers]
    add_all(Study(pk=study_id), files, actor=audit.SYSTEM)


def sign_in(out: str) -> None:
    """Write down who rates which study, with a session for each, as a sign-in leaves it."""
    raters = Membership.objects.filter(role=Role.RATER, user__isnull=False).select_related("user").order_by("pk")
    found = [
        {"study": rater.study_id, "code": rater.code, "session": session_of(rater.user)}
        for rater in raters
        if rater.user is not None
    ]
    Path(out).write_text(json.dumps(found))


def paths(out: str) -> None:
    """Write down where the display copies lie below the store."""
    Path(out).write_text(json.dumps(list(Rendition.objects.order_by("pk").values_list("path", flat=True))))
