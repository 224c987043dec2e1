"""Clusters for people to look at: who is in them, and why they are together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Count

from labeler.models import ClusterDecision, DecisionKind, FoldItem, Image, ImageLink, LinkKind, Study


class Why(StrEnum):
    NAMED = "named"
    DUPLICATE = "duplicate"
    FACE = "face"
    DECIDED = "decided"


@dataclass(frozen=True, slots=True)
class Bond:
    """Why two images of a cluster are together. distance: by the measure of that kind, 0 is the same; else None."""

    first: int
    second: int
    why: Why
    words: str
    distance: float | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """images: with rendition, person and names at hand. bonds: by image ids; those that a lead's split undid too."""

    number: int
    images: tuple[Image, ...]
    bonds: tuple[Bond, ...]


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """total: clusters of two or more images in the study. images: how many images they have together."""

    clusters: tuple[Cluster, ...]
    total: int
    images: int


def cluster_list(study: Study, *, offset: int = 0, limit: int = 20) -> ClusterPage:
    """The study's clusters of two or more images, largest first."""
    there = Image.objects.filter(study=study, cluster__isnull=False, erased_at__isnull=True)
    sizes = there.values("cluster").annotate(size=Count("pk")).filter(size__gte=2).order_by("-size", "cluster")
    counted = list(sizes.values_list("cluster", "size"))
    numbers = [number for number, _ in counted[offset : offset + limit] if number is not None]
    members: dict[int, list[Image]] = {number: [] for number in numbers}
    shown = there.filter(cluster__in=numbers).select_related("rendition", "person").prefetch_related("names")
    for image in shown.order_by("pk"):
        members[image.cluster or 0].append(image)
    bonds = _bonds(study, [image for images in members.values() for image in images])
    clusters = tuple(
        Cluster(number, tuple(members[number]), tuple(bond for bond in bonds if _within(bond, members[number])))
        for number in numbers
    )
    return ClusterPage(clusters, len(counted), sum(size for _, size in counted))


def _within(bond: Bond, images: Iterable[Image]) -> bool:
    return {bond.first, bond.second} <= {image.pk for image in images}


def _bonds(study: Study, images: list[Image]) -> list[Bond]:
    ids = [image.pk for image in images]
    return [*_named(images), *_found(study, ids), *_decided(study, set(ids))]


def _named(images: list[Image]) -> Iterable[Bond]:
    first: dict[int, Image] = {}
    for image in images:
        if image.person is not None and (other := first.setdefault(image.person.pk, image)) is not image:
            words = f"the table of images names the same person, {image.person.external_id}"
            yield Bond(other.pk, image.pk, Why.NAMED, words)


def _found(study: Study, ids: list[int]) -> Iterable[Bond]:
    links = ImageLink.objects.filter(study=study, first__in=ids, second__in=ids).order_by("first_id", "second_id")
    for link in links:
        if link.kind == LinkKind.DUPLICATE:
            words = f"near-duplicates (distance {link.distance:.3f})"
            yield Bond(link.first_id, link.second_id, Why.DUPLICATE, words, link.distance)
        else:
            words = f"the same face (distance {link.distance:.2f})"
            yield Bond(link.first_id, link.second_id, Why.FACE, words, link.distance)


def _decided(study: Study, ids: set[int]) -> Iterable[Bond]:
    for decision in ClusterDecision.objects.filter(study=study, kind=DecisionKind.MERGE).order_by("pk"):
        here = [pk for pk in decision.images if pk in ids]
        for other in here[1:]:
            yield Bond(here[0], other, Why.DECIDED, f"a study lead's decision: {decision.reason}")


def between_folds(study: Study) -> list[list[int]]:
    """Clusters whose dealt training images are not all in the same folds; ids of those images, ascending.

    They come about when images that were dealt are found to belong together later: who got them can't change any more,
    so it is only told. The golden set does not enter (see `labeler.golden.straddling`), so every lead may see it.
    """
    folds: dict[int, dict[int, set[int]]] = {}
    items = FoldItem.objects.filter(fold__study=study, image__cluster__isnull=False).order_by("image_id")
    shared = Image.objects.filter(study=study).values("cluster").annotate(size=Count("pk")).filter(size__gte=2)
    rows = items.filter(image__cluster__in=shared.values("cluster"))
    for image, cluster, fold in rows.values_list("image_id", "image__cluster", "fold_id"):
        folds.setdefault(cluster or 0, {}).setdefault(image, set()).add(fold)
    return [
        list(images) for _, images in sorted(folds.items()) if len({frozenset(dealt) for dealt in images.values()}) > 1
    ]
