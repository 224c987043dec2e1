"""Tables to take away."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from accounts.audit import Actor
from labeler.access import require_lead_to_see_golden
from labeler.exporting import LABELS, Format, Table, export_table
from labeler.models import Sight, Study


@require_GET
@login_required
def labels_export(request: HttpRequest, study_id: int) -> StreamingHttpResponse:
    """The labels as CSV, at an address that scripts know."""
    study = require_lead_to_see_golden(request, study_id, Sight.EXPORTED).study
    return download(request, study, LABELS, Format.CSV)


def download(request: HttpRequest, study: Study, table: Table, kind: Format) -> StreamingHttpResponse:
    """The table as a file to keep; `?versions=all` adds what no longer counts. The guard is the caller's."""
    everything = request.GET.get("versions") == "all"
    data: Iterator[bytes] = export_table(study, table, kind, actor=Actor.of(request), all_versions=everything)
    response = StreamingHttpResponse(data, content_type=kind.content_type)
    name = f"{slugify(study.name) or 'study'}-{table.name}{'-all' if everything else ''}.{kind.value}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
