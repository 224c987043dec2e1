from django.db import migrations

from accounts.append_only import append_only


class Migration(migrations.Migration):
    dependencies = [("grading", "0001_initial"), ("accounts", "0002_append_only")]
    operations = [
        append_only("grading_consensusversion"),
        append_only("grading_consensus"),
        append_only("grading_evaluation"),
        append_only("grading_prediction"),
        append_only("grading_promotion"),
    ]
