"""Taking a table away, with a record of who did."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from labeler.exporting.formats import Format, stream
from labeler.exporting.tables import Table
from labeler.models import Study


def export_table(
    study: Study, table: Table, kind: Format, *, actor: Actor, all_versions: bool = False
) -> Iterator[bytes]:
    """`stream`, with the audit record `TABLE.exported` written at once, before the first byte is asked for."""
    with transaction.atomic():
        after = {"format": kind.value, "all_versions": all_versions}
        audit.record(actor, f"{table.name}.exported", study, study_id=study.pk, after=after)
    return stream(study, table, kind, all_versions=all_versions)
