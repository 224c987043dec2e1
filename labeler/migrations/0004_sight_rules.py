"""Who has seen the golden set can't rate, and the tables that are evidence refuse every change.

- Sights of the golden set, commitments and decisions on clusters are append-only.
- Nobody is an active rater of a study whose golden set they have seen, unless a reason was given for it.
- Nobody's sight is written down while they rate: the page must refuse to show it instead. A closed study's may be seen.
"""

from django.db import migrations

from accounts.append_only import append_only

SEEN_OR_RATING = migrations.RunSQL(
    """
    CREATE FUNCTION goldfold_rater_has_not_seen() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.role <> 'rater' OR NEW.state <> 'active' OR NEW.user_id IS NULL OR NEW.admitted_reason <> '' THEN
            RETURN NEW;
        END IF;
        -- The lock on the study makes a sight and a membership of one person wait for each other.
        PERFORM 1 FROM labeler_study WHERE id = NEW.study_id FOR NO KEY UPDATE;
        IF EXISTS (SELECT 1 FROM labeler_goldensight WHERE study_id = NEW.study_id AND user_id = NEW.user_id) THEN
            RAISE EXCEPTION 'user % has seen the golden set of study %, so can''t rate it', NEW.user_id, NEW.study_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER labeler_membership_has_not_seen
        BEFORE INSERT OR UPDATE OF role, state, user_id, admitted_reason ON labeler_membership
        FOR EACH ROW EXECUTE FUNCTION goldfold_rater_has_not_seen();

    CREATE FUNCTION goldfold_sight_is_no_raters() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM 1 FROM labeler_study WHERE id = NEW.study_id FOR NO KEY UPDATE;
        IF EXISTS (SELECT 1 FROM labeler_membership m JOIN labeler_study s ON s.id = m.study_id
                   WHERE m.study_id = NEW.study_id AND m.user_id = NEW.user_id AND m.role = 'rater'
                     AND m.state = 'active' AND m.admitted_reason = '' AND s.state <> 'closed') THEN
            RAISE EXCEPTION 'user % rates study %, so can''t see its golden set', NEW.user_id, NEW.study_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER labeler_goldensight_is_no_raters BEFORE INSERT ON labeler_goldensight
        FOR EACH ROW EXECUTE FUNCTION goldfold_sight_is_no_raters();
    """,
    """
    DROP TRIGGER labeler_goldensight_is_no_raters ON labeler_goldensight;
    DROP FUNCTION goldfold_sight_is_no_raters();
    DROP TRIGGER labeler_membership_has_not_seen ON labeler_membership;
    DROP FUNCTION goldfold_rater_has_not_seen();
    """,
)


class Migration(migrations.Migration):
    dependencies = [("labeler", "0003_running_studies")]
    operations = [
        append_only("labeler_goldensight"),
        append_only("labeler_commitment"),
        append_only("labeler_clusterdecision"),
        SEEN_OR_RATING,
    ]
