"""Small copies of pictures for the lead's pages, made when first asked for.

One lies where its picture's content tells (`file_store.thumbnail_path`), so erasing a picture finds it without a row.
"""

from __future__ import annotations

from typing import Final

from labeler import file_store
from labeler.models import Image
from mlcore.images import ImageRejected, decode, render

SIDE: Final = 240


def thumbnail(image: Image) -> bytes:
    """A JPEG of at most 240 pixels. Raises FileNotFoundError where there is no picture, as after its erasure."""
    if image.sha256 is None or not image.rendition.path:
        raise FileNotFoundError(f"{image} is erased")
    path = file_store.thumbnail_path(image.study_id, image.sha256)
    try:
        return file_store.read(path)
    except FileNotFoundError:
        shown = file_store.read(image.rendition.path)
    try:
        small = render(decode(shown), SIDE).data
    except ImageRejected:
        # Only a strip so narrow that it would not be taken as a picture by itself: it is small as it is.
        return shown
    file_store.keep(path, small)
    return small
