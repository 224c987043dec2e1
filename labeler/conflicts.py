"""Near-duplicates that were graded differently: one grade must be wrong, or the copies differ in what matters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from labeler.models import (
    ClusterDecision,
    DecisionKind,
    Image,
    ImageLink,
    Label,
    LinkKind,
    Region,
    Study,
    usable_images,
)
from mlcore.joining import joined

# Grades of two copies may be one level apart without being told: raters differ that much on one and the same picture.
MOST_LEVELS_APART: Final = 1


@dataclass(frozen=True, slots=True)
class Given:
    """A grade that counts. rater: the pseudonym. order: of its level on the scale. image: with rendition and names."""

    image: Image
    rater: str
    value: float
    level: str
    order: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """Near-duplicates with grades more than one level apart on two of them: the lowest and the highest of such a pair.

    Only these two are told, for a list of all grades would show which images everybody grades. images: ids of all
    near-duplicates of the group, ascending. levels: how many levels lie between.
    """

    images: tuple[int, ...]
    low: Given
    high: Given

    @property
    def levels(self) -> int:
        return self.high.order - self.low.order


def conflicting_grades(study: Study) -> list[Conflict]:
    """Groups of near-duplicates with conflicting grades, the furthest apart first.

    Pictures of one person that are no near-duplicates don't conflict, and neither do two raters on one picture.
    For leads who don't rate while the study labels: it shows grades.
    """
    groups = _near_duplicates(study)
    grades: dict[int, list[Given]] = {}
    for given in _grades(study, [pk for group in groups for pk in group]):
        grades.setdefault(given.image.pk, []).append(given)
    found = [
        Conflict(tuple(group), *pair)
        for group in groups
        if (pair := _furthest([given for pk in group for given in grades.get(pk, ())])) is not None
    ]
    return sorted(found, key=lambda conflict: (-conflict.levels, conflict.images))


def _near_duplicates(study: Study) -> list[list[int]]:
    """Groups of near-duplicates by the links that the search found and no lead has undone since."""
    links = ImageLink.objects.filter(study=study, kind=LinkKind.DUPLICATE)
    pairs = set(links.values_list("first_id", "second_id"))
    for decision in ClusterDecision.objects.filter(study=study, kind=DecisionKind.SPLIT):
        apart, rest = set(decision.images), set(decision.others)
        pairs = {pair for pair in pairs if not (apart & set(pair) and rest & set(pair))}
    ids = sorted({pk for pair in pairs for pk in pair})
    place = {pk: at for at, pk in enumerate(ids)}
    members: dict[int, list[int]] = {}
    for at, group in enumerate(joined(len(ids), ((place[first], place[second]) for first, second in pairs))):
        members.setdefault(group, []).append(ids[at])
    return list(members.values())


def _grades(study: Study, images: list[int]) -> Iterable[Given]:
    newest = (
        Label.objects.filter(
            usable_images("assignment__image__"),
            assignment__membership__study=study,
            assignment__image__in=images,
            assignment__revoked_at__isnull=True,
            region=Region.FACE,
        )
        .order_by("assignment_id", "-version")
        .distinct("assignment_id")
        .select_related("level", "assignment__membership", "assignment__image__rendition")
    )
    for label in newest:
        if label.level is not None:
            assignment, level = label.assignment, label.level
            yield Given(assignment.image, assignment.membership.code, level.value, level.name, level.order)


def _furthest(grades: list[Given]) -> tuple[Given, Given] | None:
    """The two grades furthest apart of two different images, low before high; None where they agree well enough.

    For each image only its lowest and its highest grade can be of such a pair.
    """
    low: dict[int, Given] = {}
    high: dict[int, Given] = {}
    for given in grades:
        low[given.image.pk] = min(given, low.get(given.image.pk, given), key=lambda one: one.order)
        high[given.image.pk] = max(given, high.get(given.image.pk, given), key=lambda one: one.order)
    lows = sorted(low.values(), key=lambda one: (one.order, one.image.pk))[:2]
    highs = sorted(high.values(), key=lambda one: (-one.order, one.image.pk))[:2]
    pairs = [(one, other) for one in lows for other in highs if one.image.pk != other.image.pk]
    if not pairs:
        return None
    best = max(pairs, key=lambda pair: pair[1].order - pair[0].order)
    return best if best[1].order - best[0].order > MOST_LEVELS_APART else None
