"""What the statements behind a rater's requests cost the database."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bench.plans import explained
from labeler import answering, rater_rows
from labeler.answering import Answer
from labeler.labelling import window
from labeler.models import Membership, Role

SIZE = 10


def explain(out: str) -> None:
    """Write down the costs of asking who somebody is, a picture, an answer, and a window. Nothing is kept."""
    rater = Membership.objects.filter(role=Role.RATER).select_related("study").order_by("code")[0]
    assert rater.user_id is not None
    token = window(rater, SIZE).tokens[0]
    with transaction.atomic(), CaptureQueriesContext(connection) as seen:
        rater_rows.rater_of(rater.user_id, rater.study_id)
        rater_rows.picture_of(rater.user_id, rater.study_id, token)
        answering.answer(rater, Answer(token, uuid.UUID(int=1, version=4), level_value=3))
        transaction.set_rollback(True)
    with transaction.atomic(), CaptureQueriesContext(connection) as later:
        window(rater, SIZE)
        transaction.set_rollback(True)
    statements = [query["sql"] for query in [*seen, *later] if query["sql"].startswith(("SELECT", "EXECUTE"))]
    Path(out).write_text(json.dumps([cost.as_json() for cost in explained(statements)]))
