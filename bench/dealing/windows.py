"""Fetching the next images: what it costs the database by EXPLAIN, and how long it takes, rater by rater."""

from __future__ import annotations

import json
import sys
import time
import uuid
from itertools import cycle
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bench.dealing.rows import NAME
from labeler.labelling import window
from labeler.models import Assignment, Label, Level, Membership, Role

SIZE = 10
_ANSWERED = 5  # of each window, before the next is fetched


def explain(out: str) -> None:
    """Every statement of a window as the database runs it: its plan's nodes, and how many buffers it touches.

    Nothing is kept. The second run counts, so that no page is looked at for the first time.
    """
    rater = _raters()[0]
    with transaction.atomic(), CaptureQueriesContext(connection) as seen:
        window(rater, SIZE)
        transaction.set_rollback(True)
    statements = [query["sql"] for query in seen if query["sql"].startswith(("SELECT", "UPDATE"))]
    _explained(statements)
    Path(out).write_text(json.dumps(_explained(statements)))


def _explained(statements: list[str]) -> list[dict[str, Any]]:
    found = []
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
            told = cursor.fetchone()[0][0]["Plan"]
            buffers = told["Shared Hit Blocks"] + told["Shared Read Blocks"]
            found.append(
                {"statement": statement[:60], "nodes": _nodes(told), "buffers": buffers, "descents": _descents(told)}
            )
        transaction.set_rollback(True)
    return found


def _nodes(plan: dict[str, Any]) -> list[str]:
    own = " ".join(str(plan[key]) for key in ("Node Type", "Index Name", "Relation Name") if key in plan)
    return [own, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]


def _descents(plan: dict[str, Any]) -> int:
    """How often a plan goes down an index from its root."""
    own = max(plan["Actual Loops"], plan.get("Index Searches", 0)) if "Index Name" in plan else 0
    return int(own) + sum(_descents(child) for child in plan.get("Plans", ()))


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
