"""The rules that span rows, kept by the database itself.

- Labels are append-only.
- An image is golden or in at most `overlap` folds, never both.
- Image, rater, rendition and level of an assignment and its labels belong to one study.
- What was released to a browser is never moved, revoked, re-dealt or deleted.
"""

from django.db import migrations

from accounts.append_only import append_only

GOLDEN_OR_FOLD = migrations.RunSQL(
    """
    CREATE FUNCTION goldfold_golden_item_allowed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE image_study bigint;
    BEGIN
        -- The lock on the image makes a golden item and a fold item of one image wait for each other.
        SELECT study_id INTO image_study FROM labeler_image WHERE id = NEW.image_id FOR UPDATE;
        IF image_study IS DISTINCT FROM NEW.study_id THEN
            RAISE EXCEPTION 'image % is not in study %', NEW.image_id, NEW.study_id USING ERRCODE = 'check_violation';
        END IF;
        IF EXISTS (SELECT 1 FROM labeler_folditem WHERE image_id = NEW.image_id) THEN
            RAISE EXCEPTION 'image % is in a fold, so it can''t be golden', NEW.image_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER labeler_goldenitem_allowed BEFORE INSERT OR UPDATE OF image_id, study_id ON labeler_goldenitem
        FOR EACH ROW EXECUTE FUNCTION goldfold_golden_item_allowed();

    CREATE FUNCTION goldfold_fold_item_allowed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE image_study bigint; fold_study bigint; most integer; others integer;
    BEGIN
        SELECT study_id INTO image_study FROM labeler_image WHERE id = NEW.image_id FOR UPDATE;
        SELECT f.study_id, s.overlap INTO fold_study, most
            FROM labeler_fold f JOIN labeler_study s ON s.id = f.study_id WHERE f.id = NEW.fold_id;
        IF image_study IS DISTINCT FROM fold_study THEN
            RAISE EXCEPTION 'image % and fold % are in two studies', NEW.image_id, NEW.fold_id
                USING ERRCODE = 'check_violation';
        END IF;
        IF EXISTS (SELECT 1 FROM labeler_goldenitem WHERE image_id = NEW.image_id) THEN
            RAISE EXCEPTION 'image % is golden, so it can''t be in a fold', NEW.image_id
                USING ERRCODE = 'check_violation';
        END IF;
        SELECT count(*) INTO others FROM labeler_folditem WHERE image_id = NEW.image_id AND id IS DISTINCT FROM NEW.id;
        IF others >= most THEN
            RAISE EXCEPTION 'image % is in % fold(s) already, the study''s overlap', NEW.image_id, others
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER labeler_folditem_allowed BEFORE INSERT OR UPDATE ON labeler_folditem
        FOR EACH ROW EXECUTE FUNCTION goldfold_fold_item_allowed();
    """,
    """
    DROP TRIGGER labeler_folditem_allowed ON labeler_folditem;
    DROP FUNCTION goldfold_fold_item_allowed();
    DROP TRIGGER labeler_goldenitem_allowed ON labeler_goldenitem;
    DROP FUNCTION goldfold_golden_item_allowed();
    """,
)

ONE_STUDY = migrations.RunSQL(
    """
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

    CREATE FUNCTION goldfold_label_in_one_study() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.level_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM labeler_assignment a JOIN labeler_membership m ON m.id = a.membership_id
                JOIN labeler_level l ON l.study_id = m.study_id
            WHERE a.id = NEW.assignment_id AND l.id = NEW.level_id) THEN
            RAISE EXCEPTION 'level % is not on the scale of the study of assignment %', NEW.level_id, NEW.assignment_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER labeler_label_in_one_study BEFORE INSERT ON labeler_label
        FOR EACH ROW EXECUTE FUNCTION goldfold_label_in_one_study();
    """,
    """
    DROP TRIGGER labeler_label_in_one_study ON labeler_label;
    DROP FUNCTION goldfold_label_in_one_study();
    DROP TRIGGER labeler_assignment_in_one_study ON labeler_assignment;
    DROP FUNCTION goldfold_assignment_in_one_study();
    """,
)

RELEASED_STAYS = migrations.RunSQL(
    """
    CREATE FUNCTION goldfold_assignment_change_allowed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.released_at IS NOT NULL THEN
                RAISE EXCEPTION 'assignment % was sent to a browser: it stays', OLD.id
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN OLD;
        END IF;
        IF (NEW.membership_id, NEW.image_id, NEW.repeat, NEW.token)
            IS DISTINCT FROM (OLD.membership_id, OLD.image_id, OLD.repeat, OLD.token) THEN
            RAISE EXCEPTION 'assignment %: rater, image, repeat and token never change', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF OLD.released_at IS NOT NULL AND (
            NEW.released_at IS DISTINCT FROM OLD.released_at OR NEW.sort_key IS DISTINCT FROM OLD.sort_key
            OR NEW.revoked_at IS DISTINCT FROM OLD.revoked_at) THEN
            RAISE EXCEPTION 'assignment % was sent to a browser: it keeps its place', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF OLD.first_shown_at IS NOT NULL AND (NEW.first_shown_at, NEW.shown_seq)
            IS DISTINCT FROM (OLD.first_shown_at, OLD.shown_seq) THEN
            RAISE EXCEPTION 'assignment %: when it was first shown never changes', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER labeler_assignment_change_allowed BEFORE UPDATE OR DELETE ON labeler_assignment
        FOR EACH ROW EXECUTE FUNCTION goldfold_assignment_change_allowed();
    """,
    """
    DROP TRIGGER labeler_assignment_change_allowed ON labeler_assignment;
    DROP FUNCTION goldfold_assignment_change_allowed();
    """,
)


class Migration(migrations.Migration):
    dependencies = [("labeler", "0001_initial"), ("accounts", "0002_append_only")]
    operations = [append_only("labeler_label"), GOLDEN_OR_FOLD, ONE_STUDY, RELEASED_STAYS]
