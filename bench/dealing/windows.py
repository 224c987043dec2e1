"""Fetching the next images: what it costs the database by EXPLAIN, and how long it takes, rater by rater."""

from __future__ import annotations

import json
import sys
import time
import uuid
from itertools import cycle
from pathlib import Path

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.dealing.rows import NAME
from bench.plans import explained
from labeler.labelling import window
from labeler.models import Assignment, Label, Level, Membership, Role

SIZE = 10
_ANSWERED = 5  # of each window, before the next is fetched


def explain(out: str) -> None:
    """Write down what every statement of a window costs. Nothing is kept."""
    rater = _raters()[0]
    with transaction.atomic(), CaptureQueriesContext(connection) as seen:
        window(rater, SIZE)
        transaction.set_rollback(True)
    statements = [query["sql"] for query in seen if query["sql"].startswith(("SELECT", "UPDATE", "EXECUTE"))]
    Path(out).write_text(json.dumps([cost.as_json() for cost in explained(statements)]))


def answer_calls() -> None:
    """For every line that comes in, fetch one window, the raters in turn, and say how many milliseconds it took.

    After each, some of its images are answered, so that the next is another.
    """
    raters, level = _raters(), Level.objects.filter(study__name=NAME).first()
    for rater, _ in zip(cycle(raters), sys.stdin, strict=False):
        began = time.perf_counter()
        got = window(rater, SIZE)
        print(1000 * (time.perf_counter() - began), flush=True)
        _answer(rater, got.tokens[:_ANSWERED], level)


@transaction.atomic
def _answer(rater: Membership, tokens: tuple[str, ...], level: Level | None) -> None:
    last = Assignment.objects.filter(membership=rater, shown_seq__isnull=False).order_by("-shown_seq").first()
    number = last.shown_seq or 0 if last else 0
    for row in Assignment.objects.filter(token__in=tokens).order_by("sort_key"):
        number += 1
        row.first_shown_at, row.shown_seq = timezone.now(), number
        row.save(update_fields=["first_shown_at", "shown_seq"])
        Label.objects.create(assignment=row, version=1, client_key=uuid.uuid4(), level=level)


def _raters() -> list[Membership]:
    return list(Membership.objects.filter(study__name=NAME, role=Role.RATER).select_related("study").order_by("code"))
