"""A study with as many labels as wanted, written as rows in a few statements, and the timing of its table."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from django.db import connection
from django.test import Client

from accounts import audit
from accounts.models import User
from labeler.exporting import LABELS, Format, stream
from labeler.exporting.tables import Style
from labeler.models import Study
from labeler.studies import create_study

# Of a rater's images, every twentieth is golden; of the answers, every twentieth was corrected, every fiftieth has a
# comment and every hundredth is a flag.
_ROWS = """
SET session_replication_role = replica;  -- the rows are right as they are: no triggers
INSERT INTO labeler_membership (study_id, code, external_name, role, state, admitted_reason, withdrawn_reason,
        created_at)
    SELECT {study}, 'R' || lpad(r::text, 2, '0'), 'rater ' || r, 'rater', 'active', '', '', now()
    FROM generate_series(1, {raters}) r;
INSERT INTO labeler_image (id, study_id, sha256, width, height, quality, original, rejected_code, rejected_reason,
        erased_reason, created_at)
    SELECT i, {study}, md5(i::text) || md5((-i)::text), 3024, 4032, '{{}}', 'x', '', '', '', now()
    FROM generate_series(1, {golden} + {raters} * {each}) i;
INSERT INTO labeler_imagename (image_id, study_id, name, repeat, metadata, created_at)
    SELECT id, {study}, 'IMG_' || lpad(id::text, 7, '0') || '.jpg', 0, '{{}}', now() FROM labeler_image;
INSERT INTO labeler_goldenitem (study_id, image_id, added_at, reason)
    SELECT {study}, i, now(), '' FROM generate_series(1, {golden}) i;
INSERT INTO labeler_assignment (membership_id, image_id, repeat, token, sort_key, released_at, first_shown_at,
        shown_seq, revoke_reason)
    SELECT membership, image, 0, md5(membership || ' ' || image), 1000 * place, now(), now(), place, ''
    FROM (SELECT m.id AS membership, i.image,
                 row_number() OVER (PARTITION BY m.id ORDER BY md5(m.id || '-' || i.image)) AS place
          FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS r FROM labeler_membership WHERE role = 'rater') m,
          LATERAL (SELECT n AS image FROM generate_series(1, {golden}) n UNION ALL
                   SELECT {golden} + m.r * {each} + n FROM generate_series(1, {each}) n) i) dealt
    ORDER BY membership, place;
INSERT INTO labeler_label (assignment_id, region, version, client_key, level_id, flag, unsure, comment, viewing,
        client_time, server_time, decide_ms, source, stale)
    SELECT a.id, 'face', v, gen_random_uuid(), CASE WHEN flagged THEN NULL ELSE levels[1 + (a.id + v) % 5] END,
        CASE WHEN flagged THEN 'blur' ELSE '' END, a.id % 7 = 0,
        CASE WHEN a.id % 50 = 0 THEN 'scars, "old" ones; see the chin' ELSE '' END, '{{}}', at, at + interval '0.3 s',
        1500 + a.id % 9000, 'web', false
    FROM (SELECT id, id % 100 = 1 AS flagged, timestamptz '2026-01-01' + id * interval '3.217 s' AS at
          FROM labeler_assignment) a,
        (SELECT array_agg(id ORDER BY value) AS levels FROM labeler_level WHERE study_id = {study}) scale,
        LATERAL generate_series(1, CASE WHEN a.id % 20 = 0 THEN 2 ELSE 1 END) v;
SET session_replication_role = origin;
"""


def build(raters: str, golden: str, each: str, told: str) -> None:
    """Write the study, and tell (into the file `told`) its number, its lead's session and the query of its labels."""
    lead = User.objects.create_user("lead@example.org", None, name="Lead")
    study = create_study("A large study", actor=audit.SYSTEM, lead=lead)
    with connection.cursor() as cursor:
        cursor.execute(_ROWS.format(study=study.pk, raters=int(raters), golden=int(golden), each=int(each)))
        cursor.execute("VACUUM ANALYZE")
    client = Client()
    client.force_login(lead, backend="allauth.account.auth_backends.AuthenticationBackend")
    query = LABELS.query(Style.TYPED).replace("%(study)s", str(study.pk))
    Path(told).write_text("\n".join([str(study.pk), client.cookies["sessionid"].value, query]))


def time_stream(kind: str, repeats: str) -> None:
    """Seconds of the table's bytes made in one process and dropped; a line for each repeat."""
    study = Study.objects.get()
    for _ in range(int(repeats)):
        began = time.perf_counter()
        rows = sum(piece.count(b"\n") for piece in stream(study, LABELS, Format(kind)))
        sys.stdout.write(f"{rows} {time.perf_counter() - began}\n")
