"""`manage.py find_clusters STUDY`: near-duplicates and pictures of one person."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts import audit
from grading.examining import examine_images
from jobs import lifecycle
from jobs.running import run_claimed
from labeler.clusters import EXAMINE, search_key
from labeler.import_jobs import telling
from labeler.management.study_argument import ProgressLine, add_study_argument, ended, find_study, refusals


class Command(BaseCommand):
    help = (
        "Look at every picture of the study, and find near-duplicates and pictures of one person, which then stay on "
        "one side of every division. Pictures that were looked at before are not looked at again; stopped half-way it "
        "goes on where it was. It needs no worker. Exit status 1 when it can't be done."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_study_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        study = find_study(options["study"])
        with refusals():
            job = lifecycle.begin(EXAMINE, actor=audit.SYSTEM, study_id=study.pk, dedup_key=search_key(study.pk))
        run_claimed(job, telling(examine_images, ProgressLine(self.stdout)))
        found = ended(job).result
        self.stdout.write(
            f"{found['images']} images, {found['clusters']} clusters: {found['copies']} pairs of near-duplicates, "
            f"{found['same_faces']} faces joined to others. {found['unreadable']} files could not be read."
        )
