"""A queue's change is the rows that are there now less those that were: no join of the two, which grew with its square.

A function's plans are kept from its first, small statements, and a queue shuffled anew is one statement of thousands.
"""

from django.db import migrations

_FUNCTION = """
    CREATE OR REPLACE FUNCTION goldfold_count_queue() RETURNS trigger LANGUAGE plpgsql AS $$
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
            UPDATE labeler_queue q SET total = q.total + changed.n FROM ({changed}) changed
                WHERE q.membership_id = changed.membership_id;
        END IF;
        RETURN NULL;
    END $$;
"""

_DIFFERENCE = """
    SELECT membership_id, sum(one) AS n FROM (
        SELECT membership_id, 1 AS one FROM now_there WHERE rendition_id IS NOT NULL AND revoked_at IS NULL
        UNION ALL
        SELECT membership_id, -1 FROM was_there WHERE rendition_id IS NOT NULL AND revoked_at IS NULL
    ) both_times GROUP BY 1 HAVING sum(one) <> 0
"""

_JOIN = """
    SELECT n.membership_id, sum(CASE WHEN n.shown THEN 1 ELSE -1 END) AS n
    FROM (SELECT id, membership_id, rendition_id IS NOT NULL AND revoked_at IS NULL AS shown FROM now_there) n
    JOIN (SELECT id, rendition_id IS NOT NULL AND revoked_at IS NULL AS shown FROM was_there) w ON w.id = n.id
    WHERE n.shown <> w.shown GROUP BY 1
"""


class Migration(migrations.Migration):
    dependencies = [("labeler", "0009_queue_lengths")]
    operations = [migrations.RunSQL(_FUNCTION.format(changed=_DIFFERENCE), _FUNCTION.format(changed=_JOIN))]
