"""A study of many images as rows alone: no picture is drawn, as dealing and windows read none."""

from __future__ import annotations

from django.db import connection, transaction

from accounts import audit
from accounts.models import User
from labeler.models import Role, Study
from labeler.studies import add_member, create_study

NAME = "Many images"
# A tenth of the images in clusters of two to five, as a cohort with persons has them; all others alone.
_IMAGES = """
    INSERT INTO labeler_image (study_id, sha256, perceptual_hash, width, height, quality, original, cluster,
            rejected_code, rejected_reason, erased_reason, created_at)
        SELECT %(study)s, encode(sha256(n::text::bytea), 'hex'), n, 3000, 4000, '{}', 'originals/' || n, NULL,
            '', '', '', now()
        FROM generate_series(1, %(images)s) n;
    UPDATE labeler_image SET cluster = id - CASE WHEN id %% 35 < 5 THEN least(id %% 35, id - %(first)s) ELSE 0 END
        WHERE study_id = %(study)s;
    INSERT INTO labeler_rendition (image_id, width, height, bytes, path)
        SELECT id, 960, 1280, 200000, 'renditions/' || id FROM labeler_image WHERE study_id = %(study)s ORDER BY id;
    INSERT INTO labeler_imagename (image_id, study_id, name, repeat, metadata, created_at)
        SELECT id, study_id, id || '.jpg', 0, '{}', now() FROM labeler_image WHERE study_id = %(study)s ORDER BY id;
"""


@transaction.atomic
def build(images: str, raters: str, golden: str) -> None:
    """Make the study, its raters and its images; `golden` of them are to be drawn when labelling begins."""
    study = create_study(NAME, actor=audit.SYSTEM, lead=None, seed=2018)
    for number in range(1, int(raters) + 1):
        user = User.objects.create(email=f"r{number}@example.org", name=f"Rater {number}")
        add_member(study, Role.RATER, user=user, actor=audit.SYSTEM)
    Study.objects.filter(pk=study.pk).update(golden_draw_size=int(golden))
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM labeler_image")
        first = cursor.fetchone()[0]
        cursor.execute(_IMAGES, {"study": study.pk, "images": int(images), "first": first})
