"""The study that is attacked, made by the product's own means: import, draw of the golden set, assignment."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cv2
from django.db import connections

from accounts import audit
from accounts.models import User
from bench.attack.pictures import picture
from bench.attack.raters import PASSWORD, email
from labeler import clusters, golden
from labeler.assignment import assign
from labeler.import_rows import Incoming
from labeler.import_table import NOTHING_KNOWN
from labeler.importing import add_all, prepare
from labeler.models import Role, Study
from labeler.studies import add_member, create_study

SEED = 20_180_101
REPEAT_SHARE = 0.05
BATCH = 100


def build(images: str, golden_images: str, raters: str) -> None:
    """A study that labels: `images` pictures, of which the product drew `golden_images`, for that many raters."""
    study = create_study("The attacked study", actor=audit.SYSTEM, lead=None, seed=SEED)
    _import(study, int(images))
    clusters.recluster(study, actor=audit.SYSTEM)
    for number in range(1, int(raters) + 1):
        user = User.objects.create_user(email(number), PASSWORD, name=f"Rater {number}")
        add_member(study, Role.RATER, user=user, actor=audit.SYSTEM)
    golden.plan_draw(study, int(golden_images), "", actor=audit.SYSTEM)
    Study.objects.filter(pk=study.pk).update(repeat_share=REPEAT_SHARE)
    study.refresh_from_db()
    assign(study, actor=audit.SYSTEM)


def _import(study: Study, images: int) -> None:
    connections.close_all()  # a forked process must not share one
    batches = [range(first, min(first + BATCH, images)) for first in range(0, images, BATCH)]
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers, get_context("fork"), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        list(pool.map(_add, [study.pk] * len(batches), batches))


def _add(study_id: int, numbers: range) -> None:
    files = [Incoming(f"IMG_{number:05d}.JPG", prepare(study_id, picture(number)), NOTHING_KNOWN) for number in numbers]
    add_all(Study(pk=study_id), files, actor=audit.SYSTEM)
