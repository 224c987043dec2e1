"""Tables to take away."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from accounts.audit import Actor
from labeler.access import require_lead
from labeler.export import export_labels


@require_safe
@login_required
def labels_export(request: HttpRequest, study_id: int) -> StreamingHttpResponse:
    study = require_lead(request, study_id).study
    lines = export_labels(study, actor=Actor.of(request), all_versions=request.GET.get("versions") == "all")
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slugify(study.name) or "study"}-labels.csv"'
    return response
