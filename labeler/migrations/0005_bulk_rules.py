"""The rules on golden items, fold items and assignments, checked once for all rows that a statement writes.

They are those of migration 0002, whose triggers looked at every row alone: too slow for a dealing of a million images.
Two that write at once wait for each other at the study's row; then each sees what the other has committed. Compiling
these short queries anew for every batch (PostgreSQL's jit) would take longer than they do.
"""

import importlib

import django.db.models.deletion
from django.db import migrations, models

BEFORE = importlib.import_module("labeler.migrations.0002_rules")

# From one by one to all at once, and back.
ROW_BY_ROW = migrations.RunSQL(BEFORE.GOLDEN_OR_FOLD.reverse_sql, BEFORE.GOLDEN_OR_FOLD.sql)

GOLDEN_OR_FOLD = migrations.RunSQL(
    """
    CREATE FUNCTION goldfold_golden_items_allowed() RETURNS trigger LANGUAGE plpgsql SET jit = off AS $$
    DECLARE wrong record;
    BEGIN
        PERFORM 1 FROM labeler_study WHERE id IN (SELECT study_id FROM written) ORDER BY id FOR NO KEY UPDATE;
        SELECT w.image_id, w.study_id INTO wrong FROM written w LEFT JOIN labeler_image i ON i.id = w.image_id
            WHERE i.study_id IS DISTINCT FROM w.study_id LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'image % is not in study %', wrong.image_id, wrong.study_id
                USING ERRCODE = 'check_violation';
        END IF;
        SELECT w.image_id INTO wrong FROM written w
            WHERE EXISTS (SELECT 1 FROM labeler_folditem f WHERE f.image_id = w.image_id) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'image % is in a fold, so it can''t be golden', wrong.image_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER labeler_goldenitem_allowed AFTER INSERT ON labeler_goldenitem
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION goldfold_golden_items_allowed();
    CREATE TRIGGER labeler_goldenitem_change_allowed AFTER UPDATE ON labeler_goldenitem
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION goldfold_golden_items_allowed();

    CREATE FUNCTION goldfold_fold_items_allowed() RETURNS trigger LANGUAGE plpgsql SET jit = off AS $$
    DECLARE wrong record;
    BEGIN
        PERFORM 1 FROM labeler_study
            WHERE id IN (SELECT f.study_id FROM labeler_fold f WHERE f.id IN (SELECT fold_id FROM written))
            ORDER BY id FOR NO KEY UPDATE;
        PERFORM 1 FROM labeler_fold WHERE id IN (SELECT fold_id FROM written) ORDER BY id FOR KEY SHARE;
        -- A query in a query, so that each image is found by its key: a join would read all images for each rater.
        SELECT w.image_id, w.fold_id INTO wrong FROM written w LEFT JOIN labeler_fold f ON f.id = w.fold_id
            WHERE f.id IS NULL
                OR (SELECT i.study_id FROM labeler_image i WHERE i.id = w.image_id) IS DISTINCT FROM f.study_id LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'image % and fold % are in two studies', wrong.image_id, wrong.fold_id
                USING ERRCODE = 'check_violation';
        END IF;
        SELECT w.image_id INTO wrong FROM written w
            WHERE EXISTS (SELECT 1 FROM labeler_goldenitem g WHERE g.image_id = w.image_id) LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'image % is golden, so it can''t be in a fold', wrong.image_id
                USING ERRCODE = 'check_violation';
        END IF;
        SELECT w.image_id, s.overlap INTO wrong FROM written w
            JOIN labeler_fold f ON f.id = w.fold_id JOIN labeler_study s ON s.id = f.study_id
            WHERE (SELECT count(*) FROM labeler_folditem all_of WHERE all_of.image_id = w.image_id) > s.overlap LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'image % would be in more folds than %, the study''s overlap', wrong.image_id, wrong.overlap
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER labeler_folditem_allowed AFTER INSERT ON labeler_folditem
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION goldfold_fold_items_allowed();
    CREATE TRIGGER labeler_folditem_change_allowed AFTER UPDATE ON labeler_folditem
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION goldfold_fold_items_allowed();
    """,
    """
    DROP TRIGGER labeler_folditem_change_allowed ON labeler_folditem;
    DROP TRIGGER labeler_folditem_allowed ON labeler_folditem;
    DROP FUNCTION goldfold_fold_items_allowed();
    DROP TRIGGER labeler_goldenitem_change_allowed ON labeler_goldenitem;
    DROP TRIGGER labeler_goldenitem_allowed ON labeler_goldenitem;
    DROP FUNCTION goldfold_golden_items_allowed();
    """,
)

# An update can change only the rendition: rater and image stay, by migration 0002. It is rare, so it is looked at row
# by row, and only where it happens: what a rater's request updates costs nothing here.
ONE_STUDY = migrations.RunSQL(
    """
    DROP TRIGGER labeler_assignment_in_one_study ON labeler_assignment;
    DROP FUNCTION goldfold_assignment_in_one_study();

    CREATE FUNCTION goldfold_assignments_in_one_study() RETURNS trigger LANGUAGE plpgsql SET jit = off AS $$
    DECLARE wrong record;
    BEGIN
        PERFORM 1 FROM labeler_study
            WHERE id IN (SELECT m.study_id FROM labeler_membership m WHERE m.id IN (SELECT membership_id FROM written))
            ORDER BY id FOR NO KEY UPDATE;
        PERFORM 1 FROM labeler_membership WHERE id IN (SELECT membership_id FROM written) ORDER BY id FOR KEY SHARE;
        -- Found by key as above; in order, so that a page with several of them is read once.
        SELECT w.membership_id, w.image_id INTO wrong
            FROM (SELECT membership_id, image_id FROM written ORDER BY image_id OFFSET 0) w
            LEFT JOIN labeler_membership m ON m.id = w.membership_id AND m.role = 'rater'
            WHERE m.study_id IS NULL
                OR (SELECT i.study_id FROM labeler_image i WHERE i.id = w.image_id) IS DISTINCT FROM m.study_id LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'membership % is no rater of the study of image %', wrong.membership_id, wrong.image_id
                USING ERRCODE = 'check_violation';
        END IF;
        SELECT w.rendition_id, w.image_id INTO wrong
            FROM (SELECT rendition_id, image_id FROM written ORDER BY rendition_id OFFSET 0) w
            WHERE w.rendition_id IS NOT NULL
                AND (SELECT r.image_id FROM labeler_rendition r WHERE r.id = w.rendition_id)
                    IS DISTINCT FROM w.image_id LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'rendition % is not of image %', wrong.rendition_id, wrong.image_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER labeler_assignment_in_one_study AFTER INSERT ON labeler_assignment
        REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION goldfold_assignments_in_one_study();

    CREATE FUNCTION goldfold_assignment_rendition_allowed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM labeler_rendition r WHERE r.id = NEW.rendition_id AND r.image_id = NEW.image_id)
        THEN
            RAISE EXCEPTION 'rendition % is not of image %', NEW.rendition_id, NEW.image_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER labeler_assignment_rendition_allowed BEFORE UPDATE OF rendition_id ON labeler_assignment
        FOR EACH ROW WHEN (NEW.rendition_id IS DISTINCT FROM OLD.rendition_id AND NEW.rendition_id IS NOT NULL)
        EXECUTE FUNCTION goldfold_assignment_rendition_allowed();
    """,
    """
    DROP TRIGGER labeler_assignment_rendition_allowed ON labeler_assignment;
    DROP FUNCTION goldfold_assignment_rendition_allowed();
    DROP TRIGGER labeler_assignment_in_one_study ON labeler_assignment;
    DROP FUNCTION goldfold_assignments_in_one_study();

    CREATE FUNCTION goldfold_assignment_in_one_study() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM labeler_membership m JOIN labeler_image i ON i.study_id = m.study_id
                       WHERE m.id = NEW.membership_id AND i.id = NEW.image_id AND m.role = 'rater') THEN
            RAISE EXCEPTION 'membership % is no rater of the study of image %', NEW.membership_id, NEW.image_id
                USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.rendition_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM labeler_rendition r WHERE r.id = NEW.rendition_id AND r.image_id = NEW.image_id) THEN
            RAISE EXCEPTION 'rendition % is not of image %', NEW.rendition_id, NEW.image_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER labeler_assignment_in_one_study BEFORE INSERT ON labeler_assignment
        FOR EACH ROW EXECUTE FUNCTION goldfold_assignment_in_one_study();
    """,
)


# Foreign keys would look up rater, image and rendition of each of millions of assignments, and fold and image of each
# fold item, one by one. The triggers above have found those rows already; these see to it that they stay. Who deals and
# who deletes at once wait for each other: at the row of the rater or fold, which are few, and otherwise at the study's.
NEEDED = ("labeler_membership", "labeler_fold", "labeler_image", "labeler_rendition")
STAYS = migrations.RunSQL(
    """
    CREATE FUNCTION goldfold_dealt_to_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE needed bigint;
    BEGIN
        -- Each branch sees only the table that its trigger is of.
        IF TG_TABLE_NAME = 'labeler_rendition' THEN
            PERFORM 1 FROM labeler_study WHERE id IN (
                SELECT i.study_id FROM gone g JOIN labeler_image i ON i.id = g.image_id) ORDER BY id FOR NO KEY UPDATE;
            SELECT g.id INTO needed FROM gone g WHERE EXISTS (
                SELECT 1 FROM labeler_assignment a WHERE a.image_id = g.image_id AND a.rendition_id = g.id) LIMIT 1;
        ELSIF TG_TABLE_NAME = 'labeler_image' THEN
            PERFORM 1 FROM labeler_study WHERE id IN (SELECT study_id FROM gone) ORDER BY id FOR NO KEY UPDATE;
            SELECT g.id INTO needed FROM gone g
                WHERE EXISTS (SELECT 1 FROM labeler_assignment a WHERE a.image_id = g.id)
                    OR EXISTS (SELECT 1 FROM labeler_folditem x WHERE x.image_id = g.id) LIMIT 1;
        ELSIF TG_TABLE_NAME = 'labeler_fold' THEN
            SELECT g.id INTO needed FROM gone g
                WHERE EXISTS (SELECT 1 FROM labeler_folditem x WHERE x.fold_id = g.id) LIMIT 1;
        ELSE
            SELECT g.id INTO needed FROM gone g
                WHERE EXISTS (SELECT 1 FROM labeler_assignment a WHERE a.membership_id = g.id) LIMIT 1;
        END IF;
        IF needed IS NOT NULL THEN
            RAISE EXCEPTION 'row % of % is needed by what was dealt', needed, TG_TABLE_NAME
                USING ERRCODE = 'foreign_key_violation';
        END IF;
        RETURN NULL;
    END $$;
    CREATE FUNCTION goldfold_id_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the id of a row of % never changes', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$;
    """
    + "".join(
        f"""
    CREATE TRIGGER {table}_stays AFTER DELETE ON {table}
        REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION goldfold_dealt_to_stays();
    CREATE TRIGGER {table}_id_stays BEFORE UPDATE OF id ON {table}
        FOR EACH ROW WHEN (NEW.id IS DISTINCT FROM OLD.id) EXECUTE FUNCTION goldfold_id_stays();
    """
        for table in NEEDED
    ),
    "".join(
        f"DROP TRIGGER {table}_stays ON {table}; DROP TRIGGER {table}_id_stays ON {table};"
        for table in NEEDED
    )
    + "DROP FUNCTION goldfold_dealt_to_stays(); DROP FUNCTION goldfold_id_stays();",
)

# What a dealing writes most of: no index that another one covers, none on what is empty until images are shown, and
# room in the pages, so that sending rows to a browser writes no index anew.
ROOM = [
    migrations.AlterField(
        model_name="folditem",
        name="fold",
        field=models.ForeignKey(
            db_constraint=False,
            db_index=False,
            on_delete=django.db.models.deletion.PROTECT,
            related_name="items",
            to="labeler.fold",
        ),
    ),
    migrations.AlterField(
        model_name="folditem",
        name="image",
        field=models.ForeignKey(
            db_constraint=False,
            on_delete=django.db.models.deletion.PROTECT,
            related_name="fold_items",
            to="labeler.image",
        ),
    ),
    migrations.AlterField(
        model_name="assignment",
        name="membership",
        field=models.ForeignKey(
            db_constraint=False,
            db_index=False,
            on_delete=django.db.models.deletion.PROTECT,
            related_name="assignments",
            to="labeler.membership",
        ),
    ),
    migrations.AlterField(
        model_name="assignment",
        name="image",
        field=models.ForeignKey(
            db_constraint=False,
            on_delete=django.db.models.deletion.PROTECT,
            related_name="assignments",
            to="labeler.image",
        ),
    ),
    migrations.AlterField(
        model_name="assignment",
        name="rendition",
        field=models.ForeignKey(
            db_constraint=False,
            db_index=False,
            null=True,
            on_delete=django.db.models.deletion.PROTECT,
            related_name="assignments",
            to="labeler.rendition",
        ),
    ),
    migrations.RemoveConstraint(model_name="assignment", name="assignment_shown_seq_once"),
    migrations.AddConstraint(
        model_name="assignment",
        constraint=models.UniqueConstraint(
            condition=models.Q(("shown_seq__isnull", False)),
            fields=("membership", "shown_seq"),
            name="assignment_shown_seq_once",
        ),
    ),
    migrations.RunSQL(
        "ALTER TABLE labeler_assignment SET (fillfactor = 80)", "ALTER TABLE labeler_assignment RESET (fillfactor)"
    ),
]


class Migration(migrations.Migration):
    dependencies = [("labeler", "0004_sight_rules")]
    operations = [ROW_BY_ROW, GOLDEN_OR_FOLD, ONE_STUDY, STAYS, *ROOM]
