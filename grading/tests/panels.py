"""Studies with a graded panel, for tests: rows only, or real drawn faces that a run can train on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final
from uuid import uuid4

import numpy as np

from accounts import audit
from grading.runs import RunConfig
from labeler.importing import add_image
from labeler.models import (
    Assignment,
    Flag,
    GoldenItem,
    Image,
    ImageName,
    Label,
    LabelSource,
    Level,
    Membership,
    Role,
    Study,
)
from labeler.studies import add_member
from mlcore.synthetic import CohortConfig, cohort, draw_face, encode_jpeg

# A grade, a flag, or nothing yet.
Answer = float | str | None
FLAG: Final = Flag.BLUR.value
# Trains in a moment.
TINY: Final = RunConfig(hidden=(8,), max_epochs=3, members=2, networks=True)
GOLDEN, TRAINING = 4, 11
_COHORT: Final = CohortConfig(size=GOLDEN + TRAINING, seed=11, profile_share=0.0, width=240, height=320)


def add_raters(study: Study, count: int) -> list[Membership]:
    """Raters without an account."""
    first = Membership.objects.filter(study=study).count()
    return [
        add_member(study, Role.RATER, external_name=f"rater {first + at}", actor=audit.SYSTEM) for at in range(count)
    ]


def add_images(study: Study, count: int, *, golden: int = 0, metadata: Mapping[str, str] | None = None) -> list[Image]:
    """Rows of images without files, the first `golden` of them in the golden set; no two look alike."""
    first = Image.objects.filter(study=study).count()
    made = []
    for at in range(first, first + count):
        digest = hashlib.sha256(f"{study.pk} {at}".encode())
        looks = int.from_bytes(digest.digest()[:8], "big", signed=True)
        made.append(
            Image.objects.create(
                study=study, sha256=digest.hexdigest(), perceptual_hash=looks, width=100, height=100, original="none"
            )
        )
        ImageName.objects.create(image=made[-1], study=study, name=f"{at}.jpg", metadata=dict(metadata or {}))
    GoldenItem.objects.bulk_create(GoldenItem(study=study, image=image) for image in made[:golden])
    return made


def answer(rater: Membership, image: Image, given: Answer, *, repeat: int = 0) -> None:
    """One answer, as a new version where there is one already."""
    if given is None:
        return
    assignment, _ = Assignment.objects.get_or_create(
        membership=rater, image=image, repeat=repeat, defaults={"sort_key": 10 * image.pk + repeat}
    )
    Label.objects.create(
        assignment=assignment,
        version=assignment.labels.count() + 1,
        client_key=uuid4(),
        level=None if isinstance(given, str) else Level.objects.get(study=rater.study_id, value=given),
        flag=given if isinstance(given, str) else "",
        source=LabelSource.IMPORT,
    )


def answer_all(raters: Sequence[Membership], images: Sequence[Image], table: Sequence[Sequence[Answer]]) -> None:
    """A row of the table for each image, a column for each rater."""
    for image, row in zip(images, table, strict=True):
        for rater, given in zip(raters, row, strict=True):
            answer(rater, image, given)


def graded_study(study: Study, *, raters: int = 3, golden: int = 4, training: int = 12) -> list[Membership]:
    """A study whose golden images everybody graded, and whose training images one rater each did; rows only."""
    found = add_raters(study, raters)
    images = add_images(study, golden + training, golden=golden)
    answer_all(found, images[:golden], [[1 + (row + at) % 5 for at in range(raters)] for row in range(golden)])
    for at, image in enumerate(images[golden:]):
        answer(found[at % raters], image, 1 + at % 5)
    return found


def trainable_study(study: Study) -> list[Membership]:
    """A study of drawn faces, golden ones graded by three raters and the others by one each."""
    raters = add_raters(study, 3)
    for at, (name, data, severity) in enumerate(_faces()):
        golden = at < GOLDEN
        image = add_image(study, name, data, actor=audit.SYSTEM, golden=golden, person=name).image
        for column, rater in enumerate(raters):
            if golden or column == at % 3:
                answer(rater, image, float(np.clip(round(severity) + (column == at % 3), 1, 5)))
    return raters


@cache
def _faces() -> tuple[tuple[str, bytes, float], ...]:
    """(name, JPEG, severity) of every face; drawn once for all tests."""
    return tuple(
        (f"{subject.index:02d}.jpg", encode_jpeg(draw_face(subject, _COHORT)), subject.severity)
        for subject in cohort(_COHORT)
    )
