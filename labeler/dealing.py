"""Writing down what was dealt: folds and queues in bulk, by COPY, in batches."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from django.db import connection

from labeler.models import Membership
from labeler.models.assignments import random_token
from labeler.planning import Place

# Room between neighbours, for what may have to be placed between them later.
SORT_KEY_STEP = 2**20
_BATCH = 20_000
_FOLD_ITEMS = "COPY labeler_folditem (fold_id, image_id) FROM STDIN"
_ASSIGNMENTS = (
    "COPY labeler_assignment (membership_id, image_id, rendition_id, repeat, token, sort_key, revoke_reason) FROM STDIN"
)


def write(membership: Membership, places: Iterable[Place], renditions: Mapping[int, int], *, after_key: int) -> None:
    """Put images into a rater's queue, in that order, behind the sort key `after_key` (0: from the start).

    `renditions` tells the rendition of every image, both by id. Every row gets a random token of its own.
    """
    rater = membership.pk
    keyed = enumerate(places, start=1)
    _copy(
        _ASSIGNMENTS,
        (
            f"{rater}\t{place.image}\t{renditions[place.image]}\t{place.repeat}\t{random_token()}"
            f"\t{after_key + number * SORT_KEY_STEP}\t\n"
            for number, place in keyed
        ),
    )


def write_fold_items(items: Iterable[tuple[int, int]]) -> None:
    """Put images into folds: pairs of a fold's id and an image's."""
    _copy(_FOLD_ITEMS, (f"{fold}\t{image}\n" for fold, image in items))


def _copy(statement: str, lines: Iterator[str]) -> None:
    """Send lines to a COPY, a batch at a time: each batch's rules are checked together."""
    # COPY is psycopg2's own, so its errors are made Django's here.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        while batch := "".join(islice(lines, _BATCH)):
            cursor.copy_expert(statement, io.StringIO(batch))
