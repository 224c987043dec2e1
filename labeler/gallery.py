"""Which pictures a lead's gallery shows. Nothing here knows golden from training.

A gallery is a query of names: the first name of each picture, with the picture.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import (
    Case,
    CharField,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber

from labeler.models import Assignment, Examination, Image, ImageName, Study
from labeler.thresholds import TITLES

PAGE: Final = 48
_TEASER: Final = 12
KEPT: Final = "kept"


def undealt() -> Q:
    """The condition that no rater was given the image. Grades made elsewhere name it without giving it to anybody."""
    return ~Q(Exists(Assignment.objects.filter(image=OuterRef("pk"), rendition__isnull=False)))


def rejected() -> Q:
    """The condition that an image is there and is not shown to raters."""
    return Q(erased_at__isnull=True, rejection_overridden_at__isnull=True) & ~Q(rejected_reason="")


def kept() -> Q:
    """The condition that the lead kept an image that a rule had rejected."""
    return Q(erased_at__isnull=True, rejection_overridden_at__isnull=False)


def _unexamined() -> Q:
    return Q(erased_at__isnull=True) & ~Q(Exists(Examination.objects.filter(image=OuterRef("pk"))))


_CONDITIONS: Final = {"rejected": rejected, KEPT: kept, "unexamined": _unexamined, "undealt": undealt}
FILTERS: Final[Mapping[str, str]] = {
    "": "All",
    "rejected": "Rejected",
    KEPT: "Kept nevertheless",
    "unexamined": "Not yet examined",
    "undealt": "Not dealt yet",
}


def pictures(study: Study, which: str = "", search: str = "") -> QuerySet[ImageName]:
    """The study's pictures by name: those of one of FILTERS, with a name that contains `search`."""
    images = Image.objects.filter(study=study)
    if which in _CONDITIONS:
        images = images.filter(_CONDITIONS[which]())
    if search:
        images = images.filter(Exists(ImageName.objects.filter(image=OuterRef("pk"), name__icontains=search)))
    shown = _shown().filter(study=study)
    return (shown.filter(image__in=images) if which in _CONDITIONS or search else shown).order_by("name")


def named(study: Study, images: Collection[int]) -> dict[int, ImageName]:
    """Those pictures, by the image's id."""
    return {name.image_id: name for name in _shown().filter(study=study, image__in=images)}


def _shown() -> QuerySet[ImageName]:
    times = ImageName.objects.filter(image=OuterRef("image")).order_by().values("image").annotate(n=Count("pk"))
    return (
        ImageName.objects.filter(repeat=0)
        .select_related("image__person")
        .defer("metadata", "image__quality")
        .annotate(times=Subquery(times.values("n"), output_field=IntegerField()))
    )


@dataclass(frozen=True, slots=True)
class Group:
    """The pictures that one rule rejected, or that were kept nevertheless; `pictures` are the first few by name."""

    code: str
    title: str
    count: int
    pictures: tuple[ImageName, ...]

    @property
    def more(self) -> int:
        return self.count - len(self.pictures)


def in_group(study: Study, code: str) -> QuerySet[ImageName]:
    """All pictures of one group, by name."""
    images = Image.objects.filter(kept() if code == KEPT else rejected() & Q(rejected_code=code), study=study)
    return _shown().filter(study=study, image__in=images).order_by("name")


def rejected_groups(study: Study) -> list[Group]:
    """What is rejected, by rule in the order in which they judge; what was kept nevertheless comes last."""
    by_group = Case(When(kept(), then=Value(KEPT)), default=F("rejected_code"), output_field=CharField())
    images = Image.objects.filter(rejected() | kept(), study=study).annotate(group=by_group)
    counts = dict(images.values_list("group").annotate(n=Count("pk")).order_by())
    place = Window(RowNumber(), partition_by=F("group"), order_by=F("pk").asc())
    first = dict(images.annotate(place=place).filter(place__lte=_TEASER).values_list("pk", "group"))
    names = named(study, first)
    shown: dict[str, list[ImageName]] = {}
    for pk, group in first.items():
        if pk in names:
            shown.setdefault(group, []).append(names[pk])
    return [
        Group(code, title, counts[code], tuple(sorted(shown.get(code, ()), key=lambda name: name.name)))
        for code, title in {**TITLES, KEPT: FILTERS[KEPT]}.items()
        if counts.get(code)
    ]
