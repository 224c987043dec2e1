"""Clusters and conflicting grades as their pages show them: pictures with their names, and reasons in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from labeler.cluster_list import Cluster
from labeler.conflicts import Conflict, Given
from labeler.gallery import named
from labeler.models import Image, ImageName, Study

_REASONS: Final = 6


@dataclass(frozen=True, slots=True)
class Named:
    image: Image
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """A cluster: `number` is also the id of one of its pictures. reasons: the first few; `more` counts the others."""

    number: int
    pictures: tuple[Named, ...]
    reasons: tuple[str, ...]
    more: int


def rows(clusters: Iterable[Cluster]) -> list[Row]:
    return [_row(cluster) for cluster in clusters]


def _row(cluster: Cluster) -> Row:
    names = {image.pk: _name(image) for image in cluster.images}
    reasons = [f"{names[bond.first]} and {names[bond.second]}: {bond.words}" for bond in cluster.bonds]
    return Row(
        cluster.number,
        tuple(Named(image, names[image.pk]) for image in cluster.images),
        tuple(reasons[:_REASONS]),
        max(0, len(reasons) - _REASONS),
    )


def _name(image: Image) -> str:
    """Its first name, from the names at hand."""
    first = min(image.names.all(), key=lambda name: name.repeat, default=None)
    return first.name if first else f"image {image.pk}"


@dataclass(frozen=True, slots=True)
class Side:
    """One of two pictures whose grades conflict."""

    picture: ImageName
    given: Given


@dataclass(frozen=True, slots=True)
class ConflictRow:
    sides: tuple[Side, Side]
    levels: int
    copies: int


def conflict_rows(study: Study, conflicts: Sequence[Conflict]) -> list[ConflictRow]:
    """Each conflict with the names of its two pictures."""
    ids = {given.image.pk for conflict in conflicts for given in (conflict.low, conflict.high)}
    names = named(study, ids)
    return [
        ConflictRow(
            (Side(names[one.low.image.pk], one.low), Side(names[one.high.image.pk], one.high)),
            one.levels,
            len(one.images),
        )
        for one in conflicts
    ]
