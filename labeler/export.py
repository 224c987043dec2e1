"""A study's labels as a table, streamed: memory holds a few thousand rows, however many there are."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, CharField, Exists, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from accounts import audit
from accounts.audit import Actor
from labeler.models import GoldenItem, ImageName, Label, Study

COLUMNS = (
    "image",
    "rater",
    "repeat",
    "region",
    "value",
    "level",
    "flag",
    "unsure",
    "comment",
    "version",
    "server_time",
    "client_time",
    "decide_ms",
    "source",
    "set",
)
_CHUNK = 5_000
# A spreadsheet takes a cell that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Echo:
    """A file whose `write` gives the line back: how csv.writer makes lines for a stream."""

    def write(self, line: str) -> str:
        return line


def export_labels(study: Study, *, actor: Actor, all_versions: bool = False) -> Iterator[str]:
    """`labels_csv`, with a record of who took the labels away: they tell which images are golden."""
    with transaction.atomic():
        audit.record(actor, "labels.exported", study, study_id=study.pk, after={"all_versions": all_versions})
    return labels_csv(study, all_versions=all_versions)


def labels_csv(study: Study, *, all_versions: bool = False) -> Iterator[str]:
    """Lines of CSV, the heading first: the label that counts of every assignment and region, or all versions."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in _rows(study, all_versions).iterator(chunk_size=_CHUNK):
        yield writer.writerow(_cell(value) for value in row)


def _rows(study: Study, all_versions: bool) -> QuerySet[Label, Any]:
    names = ImageName.objects.filter(image=OuterRef("assignment__image"))
    golden = GoldenItem.objects.filter(image=OuterRef("assignment__image"))
    labels = Label.objects.filter(assignment__membership__study=study).order_by("assignment_id", "region", "-version")
    if not all_versions:
        labels = labels.distinct("assignment_id", "region")
    return labels.values_list(
        # A repeat that was dealt, not imported, has no name of its own.
        Coalesce(
            Subquery(names.filter(repeat=OuterRef("assignment__repeat")).values("name")),
            Subquery(names.filter(repeat=0).values("name")),
        ),
        "assignment__membership__code",
        "assignment__repeat",
        "region",
        "level__value",
        "level__name",
        "flag",
        "unsure",
        "comment",
        "version",
        "server_time",
        "client_time",
        "decide_ms",
        "source",
        Case(
            When(Exists(golden.filter(withdrawn_at__isnull=True)), then=Value("golden")),
            When(Exists(golden), then=Value("withdrawn")),
            default=Value("training"),
            output_field=CharField(),
        ),
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return safe_text(value)
    return str(value)


def safe_text(text: str) -> str:
    """Text that a spreadsheet shows instead of calculating it: an apostrophe keeps a formula from being one."""
    return f"'{text}" if text.startswith(_FORMULA) else text
