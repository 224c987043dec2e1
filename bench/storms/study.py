"""The study that is labelled in a storm: small drawn pictures, one rater, made by the product's own means."""

from __future__ import annotations

import cv2
import numpy as np

from accounts import audit
from accounts.models import User
from bench.storms.person import EMAIL, PASSWORD
from labeler import clusters, golden
from labeler.assignment import assign
from labeler.import_rows import Incoming
from labeler.import_table import NOTHING_KNOWN
from labeler.importing import add_all, prepare
from labeler.models import Role
from labeler.studies import add_member, create_study

SEED = 20_180_401
WIDTH, HEIGHT = 264, 300
GOLDEN_EVERY = 10


def build(images: str) -> None:
    """A study that labels, all of whose images are the one rater's."""
    count = int(images)
    study = create_study("The study in the storm", actor=audit.SYSTEM, lead=None, seed=SEED)
    files = [
        Incoming(f"IMG_{number:05d}.JPG", prepare(study.pk, picture(number)), NOTHING_KNOWN) for number in range(count)
    ]
    add_all(study, files, actor=audit.SYSTEM)
    clusters.recluster(study, actor=audit.SYSTEM)
    user = User.objects.create_user(EMAIL, PASSWORD, name="The rater in the storm")
    add_member(study, Role.RATER, user=user, actor=audit.SYSTEM)
    golden.plan_draw(study, count // GOLDEN_EVERY, "", actor=audit.SYSTEM)
    study.refresh_from_db()
    assign(study, actor=audit.SYSTEM)


def picture(number: int) -> bytes:
    """A JPEG of blots in colours; the same number gives the same bytes, and no two are alike."""
    rng = np.random.default_rng([SEED, number])
    coarse = rng.integers(30, 230, (8, 6, 3)).astype(np.uint8)
    blots = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    # A grain, as the import turns away what is blurred.
    pixels = blots + rng.normal(0, 6, (HEIGHT, WIDTH, 1))
    return cv2.imencode(".jpg", np.clip(pixels, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
