"""The lead's page of tables to take away, and the tables."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from grading.exporting import TABLES, find_table
from labeler.access import require_lead_not_rating, require_lead_to_see_golden
from labeler.exporting import Format
from labeler.exporting.dictionary import dictionary_csv
from labeler.models import Sight
from labeler.views.exports import download


@login_required
@require_GET
def study_export(request: HttpRequest, study_id: int) -> HttpResponse:
    """What there is to take away, and what its columns mean."""
    study = require_lead_not_rating(request, study_id).study
    shown = {"study": study, "tab": "export", "tables": TABLES, "formats": list(Format)}
    return render(request, "grading/export.html", shown)


@login_required
@require_GET
def table_export(request: HttpRequest, study_id: int, table: str, kind: str) -> StreamingHttpResponse:
    """One table in one format."""
    study = require_lead_not_rating(request, study_id).study
    found = find_table(table)
    if found is None or kind not in set(Format):
        raise Http404("no such table or format")
    if found.tells_golden:
        require_lead_to_see_golden(request, study_id, Sight.EXPORTED)
    return download(request, study, found, Format(kind))


@login_required
@require_GET
def dictionary_export(request: HttpRequest, study_id: int) -> HttpResponse:
    """The data dictionary of all tables as CSV."""
    require_lead_not_rating(request, study_id)
    response = HttpResponse(dictionary_csv(TABLES), content_type=Format.CSV.content_type)
    response["Content-Disposition"] = 'attachment; filename="dictionary.csv"'
    return response
