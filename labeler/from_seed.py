"""Is what the first commitment says of golden set, folds and orders what the seed gives? Everything is drawn once more.

Folds and orders follow from the document alone. For a draw of the golden set the database adds which images were chosen
before it, and the column of the images' tables that the draw went by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from django.utils.translation import gettext as _

from accounts.models import AuditEvent
from labeler.golden import by_value, values
from labeler.models import GoldenItem, Image, Study
from labeler.planning import Place, Share, plan
from labeler.stratified import drawn

# More takes minutes, and the memory of a dealing.
MOST_PLACES: Final = 200_000


@dataclass(slots=True)
class _Dealt:
    """What a first document says. `clusters` are by their smallest image, as are all that stand alone."""

    header: dict[str, str] = field(default_factory=dict)
    clusters: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    golden: set[int] = field(default_factory=set)
    folds: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[str, list[Place]] = field(default_factory=dict)
    places: int = 0


def redone(study: Study, document: BinaryIO) -> list[str] | None:
    """What in the study's first document is not what its seed gives. None where it is too long to be drawn again."""
    try:
        there = _read(document)
        return None if there is None else [*_dealing(there), *_draw(study, there)]
    except (ValueError, LookupError):  # somebody published what no dealing can have written
        return [_("The first document can’t be what a dealing wrote.")]


def _read(document: BinaryIO) -> _Dealt | None:
    there = _Dealt()
    for line in document:
        kind, *rest = line.decode().split()
        if kind == "image":
            there.clusters[int(rest[2])].append(int(rest[0]))
        elif kind == "golden":
            there.golden.add(int(rest[0]))
        elif kind == "sent":
            there.orders[rest[0]] = []
        elif kind == "fold":
            there.folds[rest[0]].append(int(rest[1]))
        elif kind == "order":
            there.places += 1
            if there.places > MOST_PLACES:
                return None
            there.orders[rest[0]].append(Place(int(rest[1]), int(rest[2])))
        else:
            there.header[kind] = " ".join(rest)
    return there


def _dealing(there: _Dealt) -> Iterator[str]:
    # Golden images that could not be graded were given to nobody.
    shown = {place.image for order in there.orders.values() for place in order}
    training = [[image for image in images if image not in there.golden] for images in there.clusters.values()]
    codes = sorted(there.orders)
    shares = plan(
        [images for images in training if images],
        sorted(there.golden & shown),
        codes,
        int(there.header["seed"]),
        overlap=int(there.header["overlap"]),
        repeat_share=float(there.header["repeats"]),
    )
    for code, share in zip(codes, shares, strict=True):
        yield from _unlike(code, share, there)


def _unlike(code: str, share: Share, there: _Dealt) -> Iterator[str]:
    if list(share.fold) != sorted(there.folds[code]):
        yield _("The first document’s fold of {rater} is not what its seed gives.").format(rater=code)
    elif list(share.order) != there.orders[code]:
        yield _("The first document’s order of {rater} is not what its seed gives.").format(rater=code)


def _draw(study: Study, there: _Dealt) -> Iterator[str]:
    """The draw once more, from the images that were not chosen before it."""
    event = AuditEvent.objects.filter(verb="golden.drawn", study_id=study.pk).first()
    if event is None or event.after is None or not there.golden:
        return
    column = str(event.after["column"])
    if column and Image.objects.filter(study=study, erased_at__isnull=False).exists():
        return  # what its table said went with it
    # What is chosen by hand is written before anything is drawn.
    rows = GoldenItem.objects.filter(study=study, image__in=there.golden).order_by("-pk")
    taken = set(rows.values_list("image_id", flat=True)[: int(str(event.after["drawn"]))])
    free = _without(there, there.golden - taken)
    value_of = values(study, column, until=study.started_at) if column else {}
    again = drawn(by_value(free, value_of), int(str(event.after["asked"])), int(there.header["seed"]))
    if set(again) != taken:
        yield _("The golden images of the first document that were drawn are not what its seed gives.")


def _without(there: _Dealt, chosen: set[int]) -> list[Sequence[int]]:
    """The clusters, in their order, of which no image was chosen."""
    return [sorted(images) for _, images in sorted(there.clusters.items()) if not chosen & set(images)]
