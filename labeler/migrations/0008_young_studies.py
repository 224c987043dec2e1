"""PostgreSQL looks soon at what a study's first days changed, so that it doesn't plan for a study without answers.

By default it takes another look at a table when a tenth of it has changed: in a study of 470,000 images, after 47,000
answers. Until then it believes that no image was answered, and walks over those that were.
"""

from django.db import migrations

TABLES = {"labeler_assignment": 2000, "labeler_label": 1000}


class Migration(migrations.Migration):
    dependencies = [("labeler", "0007_labelling_page")]
    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} SET"
            f" (autovacuum_analyze_scale_factor = 0.01, autovacuum_analyze_threshold = {changes})",
            f"ALTER TABLE {table} RESET (autovacuum_analyze_scale_factor, autovacuum_analyze_threshold)",
        )
        for table, changes in TABLES.items()
    ]
