"""A rater's own answers, by grade, so that like can be compared with like. Blinding: see `labelling`.

How well a rater agrees with themselves is measured on images that they are shown twice. Who could leaf through all
answers meanwhile might look the first one up before giving the second; so until a rater has answered everything, only
what is open is shown: what they were unsure of, and what they could not grade.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _

from labeler.labelling import NotOpen, Refusal, check_open, has_unanswered, items_of, scale
from labeler.looking_back import Given, given_to
from labeler.models import Label, Membership, Region

# Answers of a group that are told at once.
PAGE = 48

UNFINISHED = Refusal("unfinished", _("All your grades are shown here once you have answered all your images."))


class Show(StrEnum):
    ALL = "all"
    # The two below together: what a rater may want to decide again.
    OPEN = "open"
    UNSURE = "unsure"
    FLAGGED = "flagged"


class Order(StrEnum):
    """By when the images were first answered."""

    NEWEST = "newest"
    OLDEST = "oldest"


_FLAGGED = Q(level__isnull=True)
_SHOWN = {Show.ALL: Q(), Show.OPEN: Q(unsure=True) | _FLAGGED, Show.UNSURE: Q(unsure=True), Show.FLAGGED: _FLAGGED}


@dataclass(frozen=True, slots=True)
class Mine:
    """An image and its answer; `number` counts images in the order in which they were shown.

    twice: it was given in a window that did not know of the answer before.
    """

    token: str
    number: int
    given: Given
    twice: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Answers of one grade; of none, where `level_value` is None: not gradable. `items` are the first of `count`."""

    level_value: float | None
    count: int
    items: tuple[Mine, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many answers there are: in each way of showing them, and of each level by its value."""

    shown: dict[Show, int]
    levels: dict[float, int]


@dataclass(frozen=True, slots=True)
class MyGrades:
    """finished: the rater has answered all images, and so may see all answers. only: the one level that is shown."""

    finished: bool
    show: Show
    only: float | None
    counts: Counts
    groups: tuple[Group, ...]


def my_grades(membership: Membership, show: Show, order: Order, *, only: float | None = None) -> MyGrades:
    """The rater's answers in groups, from mild to severe, then not gradable; or `only` one level's.

    Before the rater has finished, what is open stands for all. Raises NotOpen.
    """
    check_open(membership)
    finished = not has_unanswered(membership)
    levels = {level.value: level.pk for level in scale(membership)}
    if show == Show.ALL and not finished:
        show = Show.OPEN
    if show != Show.ALL or only not in levels:
        only = None
    kinds = _kinds(membership, {pk: value for value, pk in levels.items()})
    values = [*levels, None] if only is None else [only]
    firsts: dict[float | None, list[Mine]] = defaultdict(list)
    shown = _answered(membership).filter(_SHOWN[show])
    first = _first_of_each(shown, order) if only is None else _first(shown.filter(level=levels[only]), order)
    for item in _told(membership, first):
        firsts[item.given.level_value].append(item)
    groups = tuple(Group(value, _count(kinds, show, value), tuple(firsts[value])) for value in values)
    return MyGrades(finished, show, only, _counts(kinds), groups)


def more(membership: Membership, show: Show, order: Order, level_value: float | None, after: int) -> tuple[Mine, ...]:
    """The next answers of a group, after the image of that number.

    Raises NotOpen; before the rater has finished, for all answers too.
    """
    check_open(membership)
    if show == Show.ALL and has_unanswered(membership):
        raise NotOpen(UNFINISHED)
    levels = {level.value: level.pk for level in scale(membership)}
    of_group = _FLAGGED if level_value is None else Q(level=levels.get(level_value, 0))
    beyond = Q(shown_seq__lt=after) if order == Order.NEWEST else Q(shown_seq__gt=after)
    return tuple(_told(membership, _first(_answered(membership).filter(_SHOWN[show], of_group, beyond), order)))


def counts(membership: Membership) -> Counts:
    """How many of the rater's answers there are, by kind. Raises NotOpen."""
    check_open(membership)
    return _counts(_kinds(membership, {level.pk: level.value for level in scale(membership)}))


def _answered(membership: Membership) -> QuerySet[Any]:
    """Images that were shown and still can be, each with what counts of its answer.

    The answer is looked up for one image after the other: a join of all would be sorted for every page.
    """
    answers = Label.objects.filter(assignment=OuterRef("pk"), region=Region.FACE).order_by("-version")
    shown = items_of(membership).filter(shown_seq__isnull=False, rendition__path__gt="")
    return shown.annotate(
        level=Subquery(answers.values("level_id")[:1]),
        unsure=Subquery(answers.values("unsure")[:1]),
        stale=Subquery(answers.values("stale")[:1]),
    )


def _first(answered: QuerySet[Any], order: Order) -> QuerySet[Any]:
    return answered.order_by(_by_number(order))[:PAGE]


def _first_of_each(answered: QuerySet[Any], order: Order) -> QuerySet[Any]:
    """The first ones of each level, and of those without."""
    placed = answered.annotate(place=Window(RowNumber(), partition_by="level", order_by=_by_number(order)))
    first: QuerySet[Any] = placed.filter(place__lte=PAGE).order_by(_by_number(order))
    return first


def _by_number(order: Order) -> str:
    return "-shown_seq" if order == Order.NEWEST else "shown_seq"


def _told(membership: Membership, answered: QuerySet[Any]) -> list[Mine]:
    """As the rater is told them, in their order."""
    rows = list(answered.values_list("pk", "token", "shown_seq", "stale"))
    given = given_to([pk for pk, *_ in rows], with_parts=membership.study.grade_regions)
    return [Mine(token, number, given[pk], stale) for pk, token, number, stale in rows if number is not None]


# How many answers there are of a level (None: flagged), sure (False) or unsure (True).
Kinds = dict[tuple[float | None, bool], int]


def _kinds(membership: Membership, values: dict[int, float]) -> Kinds:
    rows = _answered(membership).values_list("level", "unsure").annotate(n=Count("pk")).order_by()
    return {(values.get(level), unsure): n for level, unsure, n in rows}


def _count(kinds: Kinds, show: Show, value: float | None) -> int:
    """How many answers of that level are shown."""
    only_unsure = show == Show.UNSURE or (show == Show.OPEN and value is not None)
    if show == Show.FLAGGED and value is not None:
        return 0
    return kinds.get((value, True), 0) + (0 if only_unsure else kinds.get((value, False), 0))


def _counts(kinds: Kinds) -> Counts:
    values = {value for value, _ in kinds}
    shown = {show: sum(_count(kinds, show, value) for value in values) for show in Show}
    levels = {value: _count(kinds, Show.ALL, value) for value in values if value is not None}
    return Counts(shown, levels)
