"""Example pictures of a scale's levels: what raters may look at beside the picture that they grade.

An example lies below the store under the digest of its rendered bytes; the file as it came is not kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final

from labeler import file_store
from labeler.models import Level, Study
from labeler.teaching import open_picture, refuse_own_image
from mlcore.images import render

SIDE: Final = 800


def keep_example(study: Study, data: bytes) -> str:
    """Store an example picture, rendered; returns its path below the store.

    Raises ValidationError for what is no picture, and for one of the study's own images. The study's row is held by
    the caller.
    """
    pixels = open_picture(data)
    refuse_own_image(study, data, pixels)
    shown = render(pixels, SIDE).data
    path = f"studies/{study.pk}/examples/{hashlib.sha256(shown).hexdigest()}.jpg"
    file_store.keep(path, shown)
    return path


def forget_examples(study: Study, paths: Collection[str]) -> None:
    """Remove example files that no level names any more."""
    used = set(Level.objects.filter(study=study, example__in=paths).values_list("example", flat=True))
    for path in set(paths) - used - {""}:
        file_store.path_of(path).unlink(missing_ok=True)
