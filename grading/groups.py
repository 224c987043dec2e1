"""What must stay on one side of every split: a cluster of near-duplicates and pictures of one person, and what a column
says belongs together.

Images that were not searched for clusters, whose grades were imported say, are joined by person and perceptual hash.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from django.db.models import F, Func, TextField
from numpy.typing import NDArray

from labeler.models import Image, ImageName, Study
from mlcore.joining import joined

# Of 64 bits. Re-encoded and resized copies differ in at most this many; on 603 photographs of acne and 150 drawn
# faces, one pair in 10,000 or fewer of different people do.
NEAR_DUPLICATE_BITS: Final = 4
_CHUNK: Final = 512


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image to be grouped. label: what the chosen column says of it, empty for nothing.

    person and perceptual_hash count only where no search has given it a cluster: that knows more, and so does the lead.
    """

    image: int
    sha256: str
    cluster: int | None
    person: int | None
    perceptual_hash: int | None
    label: str


def group_columns(study: Study) -> list[str]:
    """The names of the columns that came with the study's images."""
    keys = Func(F("metadata"), function="jsonb_object_keys", output_field=TextField())
    names = ImageName.objects.filter(study=study).annotate(column=keys).order_by("column").distinct()
    return list(names.values_list("column", flat=True))


def candidates(study: Study, images: Iterable[int], column: str = "") -> list[Candidate]:
    """What is known of these images that tells who belongs together; in order of id."""
    labels = _labels(study, column) if column else {}
    rows = (
        Image.objects.filter(study=study, pk__in=list(images), sha256__isnull=False)
        .order_by("pk")
        .values_list("pk", "sha256", "cluster", "person_id", "perceptual_hash")
    )
    return [
        Candidate(pk, sha256 or "", cluster, person, perceptual_hash, labels.get(pk, ""))
        for pk, sha256, cluster, person, perceptual_hash in rows
    ]


def _labels(study: Study, column: str) -> dict[int, str]:
    rows = ImageName.objects.filter(study=study, metadata__has_key=column).order_by("-repeat")
    found = rows.values_list("image_id", "metadata")
    return {image: str(metadata[column]) for image, metadata in found if metadata[column] not in ("", None)}


def group(found: Sequence[Candidate]) -> dict[int, str]:
    """The group of each image: the smallest sha256 in it, so that it depends on content alone."""
    places = joined(len(found), _links(found))
    names: dict[int, str] = {}
    for place, one in zip(places, found, strict=True):
        names[place] = min(names.get(place, one.sha256), one.sha256)
    return {one.image: names[place] for place, one in zip(places, found, strict=True)}


def _links(found: Sequence[Candidate]) -> Iterable[tuple[int, int]]:
    yield from _same(one.cluster for one in found)
    yield from _same(one.label or None for one in found)
    yield from _same(one.person if one.cluster is None else None for one in found)
    yield from _near([one.perceptual_hash if one.cluster is None else None for one in found])


def _same(keys: Iterable[Hashable | None]) -> Iterable[tuple[int, int]]:
    first: dict[Hashable, int] = {}
    for at, key in enumerate(keys):
        if key is not None:
            yield first.setdefault(key, at), at


def _near(hashes: Sequence[int | None]) -> Iterable[tuple[int, int]]:
    """Pairs of places whose perceptual hashes differ in few bits; compared in chunks, so that memory stays flat."""
    places = np.array([at for at, value in enumerate(hashes) if value is not None], dtype=np.int64)
    known = np.array([value for value in hashes if value is not None], dtype=np.int64)
    bits: NDArray[np.uint64] = known.view(np.uint64)
    for start in range(0, len(bits), _CHUNK):
        apart = np.bitwise_count(bits[start : start + _CHUNK, None] ^ bits[None, start:])
        for row, column in np.argwhere(apart <= NEAR_DUPLICATE_BITS).tolist():
            if row < column:
                yield int(places[start + row]), int(places[start + column])


def shared_groups(groups: Mapping[int, str], golden: Iterable[int]) -> frozenset[str]:
    """The groups that have an image in the golden set."""
    return frozenset(groups[image] for image in golden if image in groups)
