"""How long each rater's queue is, kept by the database whoever deals or revokes: no request counts a queue.

A table of its own, as whoever deals must not hold a membership's row: a rater's answer holds it while it waits for an
assignment that the dealer may hold.
"""

import django.db.models.deletion
from django.db import migrations, models

KEPT = migrations.RunSQL(
    """
    CREATE FUNCTION goldfold_count_queue() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- Each branch sees only the transition tables that its trigger names.
        IF TG_OP = 'INSERT' THEN
            INSERT INTO labeler_queue AS q (membership_id, total)
                SELECT membership_id, count(*) FILTER (WHERE rendition_id IS NOT NULL AND revoked_at IS NULL)
                FROM now_there GROUP BY 1 ORDER BY 1
                ON CONFLICT (membership_id) DO UPDATE SET total = q.total + EXCLUDED.total;
        ELSIF TG_OP = 'DELETE' THEN
            UPDATE labeler_queue q SET total = q.total - gone.n FROM (
                SELECT membership_id, count(*) AS n FROM was_there
                WHERE rendition_id IS NOT NULL AND revoked_at IS NULL GROUP BY 1) gone
                WHERE q.membership_id = gone.membership_id;
        ELSE
            -- No join of the two: a plan kept from small statements made it grow with the square of large ones.
            UPDATE labeler_queue q SET total = q.total + changed.n FROM (
                SELECT membership_id, sum(one) AS n FROM (
                    SELECT membership_id, 1 AS one FROM now_there
                        WHERE rendition_id IS NOT NULL AND revoked_at IS NULL
                    UNION ALL
                    SELECT membership_id, -1 FROM was_there WHERE rendition_id IS NOT NULL AND revoked_at IS NULL
                ) both_times GROUP BY 1 HAVING sum(one) <> 0) changed
                WHERE q.membership_id = changed.membership_id;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER labeler_assignment_queue_grows AFTER INSERT ON labeler_assignment
        REFERENCING NEW TABLE AS now_there FOR EACH STATEMENT EXECUTE FUNCTION goldfold_count_queue();
    CREATE TRIGGER labeler_assignment_queue_changes AFTER UPDATE ON labeler_assignment
        REFERENCING OLD TABLE AS was_there NEW TABLE AS now_there
        FOR EACH STATEMENT EXECUTE FUNCTION goldfold_count_queue();
    CREATE TRIGGER labeler_assignment_queue_shrinks AFTER DELETE ON labeler_assignment
        REFERENCING OLD TABLE AS was_there FOR EACH STATEMENT EXECUTE FUNCTION goldfold_count_queue();
    INSERT INTO labeler_queue (membership_id, total)
        SELECT membership_id, count(*) FROM labeler_assignment
        WHERE rendition_id IS NOT NULL AND revoked_at IS NULL GROUP BY 1;
    """,
    """
    DROP TRIGGER labeler_assignment_queue_grows ON labeler_assignment;
    DROP TRIGGER labeler_assignment_queue_changes ON labeler_assignment;
    DROP TRIGGER labeler_assignment_queue_shrinks ON labeler_assignment;
    DROP FUNCTION goldfold_count_queue();
    """,
)


class Migration(migrations.Migration):
    dependencies = [("labeler", "0005_bulk_rules")]
    operations = [
        migrations.CreateModel(
            name="Queue",
            fields=[
                (
                    "membership",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="queue",
                        serialize=False,
                        to="labeler.membership",
                    ),
                ),
                ("total", models.PositiveIntegerField()),
            ],
        ),
        KEPT,
    ]
