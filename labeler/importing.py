"""Pictures come in: bytes are decoded once, measured, rendered for display, stored, and written down.

Files are written before rows, rows come in batches of one transaction each, and what is there already is recognised by
its content: an import that was killed half-way is simply done again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.audit import Actor
from labeler import file_store
from labeler.import_rows import Added, Batch, Incoming, NameTaken, NotTaken, Outcome, Prepared, ShownWithGrade
from labeler.import_table import Facts
from labeler.models import Sight, Study, StudyState
from labeler.sight import record_sight
from mlcore.duplicates import perceptual_hash
from mlcore.images import RENDITION_SIDE, Rendered, decode, render, shrink
from mlcore.quality import WORKING_SIDE, Quality, measure

__all__ = [
    "CLOSED",
    "Added",
    "Incoming",
    "Looked",
    "NameTaken",
    "NotTaken",
    "Outcome",
    "Prepared",
    "ShownWithGrade",
    "add_all",
    "add_image",
    "check_open",
    "keep",
    "look",
    "prepare",
]

CLOSED: Final = "The study is closed, so its images are fixed."
GOLDEN_FIXED: Final = (
    "Golden images are chosen while a study is being set up, and this one has begun. "
    "Leave the column “golden” out of the table, and import it again."
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen in a picture's bytes, and what raters are to be shown of it."""

    sha256: str
    perceptual_hash: int
    quality: Quality
    shown: Rendered


def add_image(
    study: Study,
    name: str,
    data: bytes,
    *,
    actor: Actor,
    metadata: Mapping[str, str] | None = None,
    person: str = "",
    golden: bool = False,
) -> Added:
    """Add one picture to a study.

    Raises ImageRejected when the bytes are no usable picture, NameTaken when the name has other content already,
    ShownWithGrade when raters see the picture with its grade, and ValidationError when the study is closed, or has
    begun and the picture is to be golden.
    """
    incoming = Incoming(name, prepare(study.pk, data), Facts(golden, person, metadata or {}))
    added = add_all(study, [incoming], actor=actor)[0]
    if isinstance(added, NotTaken):
        raise added
    return added


def prepare(study_id: int, data: bytes) -> Prepared:
    """Decode, measure and store a picture; touches no table, so it can run in any thread. Raises ImageRejected."""
    return keep(study_id, data, look(data, hashlib.sha256(data).hexdigest()))


def look(data: bytes, sha256: str) -> Looked:
    """Decode and measure a picture, and render what raters are shown; stores nothing. Raises ImageRejected."""
    pixels = decode(data)
    height, width = pixels.shape[:2]
    shown = shrink(pixels, RENDITION_SIDE)
    # All figures come from one small copy: each pixel of the large one is read once.
    small = shrink(shown, WORKING_SIDE)
    return Looked(sha256, perceptual_hash(small), measure(small, (width, height)), render(shown))


def keep(study_id: int, data: bytes, looked: Looked) -> Prepared:
    """Store a picture and its rendition, on the disk when this returns."""
    return Prepared(
        sha256=looked.sha256,
        perceptual_hash=looked.perceptual_hash,
        quality=looked.quality,
        original=file_store.keep_original(study_id, data, looked.sha256),
        rendition=file_store.keep_rendition(study_id, looked.sha256, looked.shown.data),
        rendition_width=looked.shown.width,
        rendition_height=looked.shown.height,
        rendition_bytes=len(looked.shown.data),
    )


@transaction.atomic
def add_all(study: Study, files: Sequence[Incoming], *, actor: Actor) -> list[Added | NotTaken]:
    """Write down pictures that were stored; the answers come in the files' order.

    In a study that has begun they wait until they are dealt. Raises ValidationError as `add_image` does.
    """
    # The study is held, so that it can't begin meanwhile and the names of one content are counted one by one.
    held = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    golden = any(file.facts.golden for file in files)
    check_open(held, golden=golden)
    if golden:
        record_sight(held, Sight.IMPORTED, actor)
    return Batch(held, files, actor).write()


def check_open(study: Study, *, golden: bool) -> None:
    """Whether images may come in, and golden ones if `golden`. Raises ValidationError."""
    if study.state == StudyState.CLOSED:
        raise ValidationError(CLOSED)
    if golden and study.state != StudyState.DRAFT:
        raise ValidationError(GOLDEN_FIXED)
