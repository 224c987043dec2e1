"""Pictures that raters see together with their grade: examples of the scale, and those to practise on.

None of them is one of the study's own images, whichever those are: a rater who met one in the queue would know its
grade. So such a picture is refused where it is one of the study's images already, and an image is refused by the
import where it is such a picture. Both hold the study's row, so they can't pass each other. The same means the same
file, or one that shows the same in another size, encoding or light, mirrored too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from django.core.exceptions import ValidationError

from labeler import file_store
from labeler.models import Image, Level, PracticeItem, Study
from mlcore.duplicates import is_copy, is_near, perceptual_hash
from mlcore.images import ImageRejected, decode, shrink
from mlcore.quality import WORKING_SIDE
from mlcore.records import Pixels

# As large as two pictures are compared at.
_KEPT_SIDE: Final = 128
OWN_IMAGE: Final = "This is one of the study’s own images; take another picture."


def open_picture(data: bytes) -> Pixels:
    """The pixels of a picture that somebody sent. Raises ValidationError for what is none."""
    try:
        return decode(data)
    except ImageRejected as error:
        raise ValidationError(f"{error.reason} {error.remedy}") from error


def refuse_own_image(study: Study, data: bytes, pixels: Pixels) -> None:
    """Raises ValidationError when the picture is one of the study's images. The study's row is held by the caller."""
    images = Image.objects.filter(study=study)
    if images.filter(sha256=hashlib.sha256(data).hexdigest()).exists():
        raise ValidationError(OWN_IMAGE)
    seen = _Seen.of(pixels)
    hashes = images.filter(perceptual_hash__isnull=False).values_list("pk", "perceptual_hash")
    near = [pk for pk, there in hashes.iterator(chunk_size=5_000) if seen.is_near(int(there or 0))]
    for path in images.filter(pk__in=near).exclude(rendition__path="").values_list("rendition__path", flat=True):
        if seen.is_copy(decode(file_store.read(path))):
            raise ValidationError(OWN_IMAGE)


@dataclass(frozen=True, slots=True)
class Teaching:
    """What raters see with its grade, at one moment: digests of files, and paths below the store."""

    contents: frozenset[str]
    paths: tuple[str, ...]

    def holds(self, sha256: str, perceptual_hash: int, read: Callable[[], bytes]) -> bool:
        """Whether a picture is among them; `read` gives its display copy, which is rarely needed."""
        if sha256 in self.contents:
            return True
        near = [seen for seen in map(_seen_still, self.paths) if seen and seen.is_near(perceptual_hash)]
        return bool(near) and any(seen.is_copy(decode(read())) for seen in near)


def teaching_of(study: Study) -> Teaching:
    practice = list(PracticeItem.objects.filter(study=study).values_list("sha256", "path"))
    examples = Level.objects.filter(study=study).exclude(example="").values_list("example", flat=True)
    return Teaching(frozenset(sha256 for sha256, _ in practice), (*(path for _, path in practice), *examples))


@dataclass(frozen=True, slots=True)
class _Seen:
    """A small copy of a picture, and its hashes as it is and mirrored."""

    small: Pixels
    plain: int
    mirrored: int

    @classmethod
    def of(cls, pixels: Pixels) -> _Seen:
        small = shrink(pixels, WORKING_SIDE)
        return cls(shrink(small, _KEPT_SIDE), perceptual_hash(small), perceptual_hash(_mirror(small)))

    def is_near(self, other: int) -> bool:
        return is_near(self.plain, other) or is_near(self.mirrored, other)

    def is_copy(self, other: Pixels) -> bool:
        return is_copy(self.small, other) or is_copy(_mirror(self.small), other)


def _mirror(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


# A path tells its content, so what was seen once holds; an import asks for the same few with every batch.
@lru_cache(maxsize=64)
def _seen(path: str) -> _Seen:
    return _Seen.of(decode(file_store.read(path)))


def _seen_still(path: str) -> _Seen | None:
    """None for a picture that was taken away meanwhile, so that raters see it no more."""
    try:
        return _seen(path)
    except FileNotFoundError:
        return None
