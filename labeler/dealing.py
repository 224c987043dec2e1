"""Writing down what was dealt: folds and queues in bulk, by COPY, in batches."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

import numpy as np
from django.db import connection
from numpy.typing import NDArray

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
    """Put images into folds: pairs of a fold's id and an image's.

    They are written in the order of the images: so the database comes by every image's page once, and not once for
    each fold.
    """
    pairs = np.fromiter(chain.from_iterable(items), dtype=np.int64).reshape(-1, 2)
    order = np.argsort(pairs[:, 1], kind="stable")
    _copy(_FOLD_ITEMS, (f"{fold}\t{image}\n" for at in _parts(order) for fold, image in pairs[at].tolist()))


def _parts(order: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (order[start : start + _BATCH] for start in range(0, len(order), _BATCH))


def _copy(statement: str, lines: Iterator[str]) -> None:
    """Send lines to a COPY, a batch at a time: each batch's rules are checked together, its foreign keys too.

    Left to the end of the transaction, foreign keys would be remembered row by row, and checked without a word to
    whoever waits.
    """
    # COPY is psycopg2's own, so its errors are made Django's here.
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        while batch := "".join(islice(lines, _BATCH)):
            cursor.copy_expert(statement, io.StringIO(batch))
