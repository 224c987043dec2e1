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
from labeler.importing import add_image
from labeler.models import Role, Study
from labeler.studies import add_member, create_study

SEED = 20_180_101
REPEAT_SHARE = 0.05


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
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers, get_context("fork"), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        list(pool.map(_add, [study.pk] * images, range(images), chunksize=100))


def _add(study_id: int, number: int) -> None:
    add_image(Study(pk=study_id), f"IMG_{number:05d}.JPG", picture(number), actor=audit.SYSTEM)
