"""A rater's queue is shuffled anew: what was not sent yet, with what is added. What was sent keeps its place."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Max
from django.utils import timezone
from numpy.random import Generator

from labeler import dealing
from labeler.changes.panel import renditions, unsent
from labeler.models import Assignment, Membership
from labeler.planning import REPEAT_GAP, Place, repeat_gap, repeats_in, shuffled

DRAWN_ANEW = "the repeats were drawn anew"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A repeat to come whose first showing was sent; `behind` counts what was sent after that."""

    image: int
    behind: int


def requeue(membership: Membership, added: Collection[int], repeat_share: float, rng: Generator) -> None:
    """Shuffle images into what a rater was not sent yet. New places come behind all that were ever used.

    Which images are shown again is drawn anew among those not sent, as many as keep the share of the whole queue; what
    was sent once and is to come again, does so.
    """
    sent = list(
        Assignment.objects.filter(membership=membership, revoked_at__isnull=True, rendition__isnull=False)
        .filter(released_at__isnull=False)
        .order_by("sort_key")
        .values_list("image_id", flat=True)
    )
    rest = set(unsent(membership).values_list("image_id", "repeat"))
    order = _order(sent, rest, added, repeat_share, rng)
    wanted = {(place.image, place.repeat) for place in order}
    _revoke_repeats(membership, rest - wanted)
    new = [place for place in order if (place.image, place.repeat) not in rest]
    last = _last_key(membership)
    dealing.write(membership, new, renditions({place.image for place in new}), after_key=last)
    _key_anew(membership, order, last + len(new) * dealing.SORT_KEY_STEP)


def _order(
    sent: Sequence[int], rest: set[tuple[int, int]], added: Collection[int], repeat_share: float, rng: Generator
) -> list[Place]:
    firsts = sorted({image for image, repeat in rest if repeat == 0} | set(added))
    at = {image: place for place, image in reversed(list(enumerate(sent)))}
    orphans = [Orphan(image, len(sent) - 1 - at[image]) for image, repeat in sorted(rest) if repeat and image in at]
    gap = repeat_gap(len(firsts) + len(at), repeat_share)
    # Of a queue's first images more come again than of its last: a share of what is left would make more each time.
    again = repeats_in(len(firsts) + len(at), repeat_share) - (len(sent) - len(at)) - len(orphans)
    if gap == REPEAT_GAP:  # near the end of a long queue too little is left to show something again after so many
        again = min(again, len(firsts) - gap)
    share = max(0, min(again, len(firsts) // 2)) / max(1, len(firsts))
    return woven(shuffled(firsts, share, rng), orphans, gap, rng)


def woven(order: Sequence[Place], orphans: Sequence[Orphan], gap: int, rng: Generator) -> list[Place]:
    """The order with each orphan at a random place, at least `gap` others after its first showing.

    Where that is farther than the queue goes, it comes at the end.
    """
    coming: dict[int, list[Place]] = {}
    for orphan in orphans:
        least = min(max(0, gap - orphan.behind), len(order))
        place = least + int(rng.bit_generator.random_raw()) % (len(order) - least + 1)
        coming.setdefault(place, []).append(Place(orphan.image, 1))
    queue: list[Place] = []
    for place in range(len(order) + 1):
        queue += coming.get(place, ())
        queue += order[place : place + 1]
    return queue


def _revoke_repeats(membership: Membership, gone: set[tuple[int, int]]) -> None:
    images = [image for image, repeat in gone if repeat]
    dropped = unsent(membership).filter(repeat__gt=0, image__in=images)
    dropped.update(revoked_at=timezone.now(), revoke_reason=DRAWN_ANEW)


def _last_key(membership: Membership) -> int:
    return Assignment.objects.filter(membership=membership).aggregate(last=Max("sort_key"))["last"] or 0


def _key_anew(membership: Membership, order: Sequence[Place], after_key: int) -> None:
    """Give the places of a queue new keys, in that order."""
    keys = [after_key + number * dealing.SORT_KEY_STEP for number in range(1, len(order) + 1)]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE labeler_assignment a SET sort_key = x.key
            FROM unnest(%s::bigint[], %s::integer[], %s::bigint[]) AS x (image, repeat, key)
            WHERE a.membership_id = %s AND a.image_id = x.image AND a.repeat = x.repeat
                AND a.revoked_at IS NULL AND a.released_at IS NULL
            """,
            [[place.image for place in order], [place.repeat for place in order], keys, membership.pk],
        )
