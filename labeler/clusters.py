"""Which pictures belong together: near-duplicates, and pictures of one person. A cluster is never split between sets.

Three things join pictures: a person named in the images' table, a link that the search found, and a lead's decision.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction
from django.db.models import F, Q

from accounts import audit
from accounts.audit import Actor
from labeler.models import ClusterDecision, DecisionKind, Image, ImageLink, Study
from mlcore.joining import joined

_BATCH = 5_000


@transaction.atomic
def recluster(study: Study, *, actor: Actor) -> int:
    """Work out the study's clusters anew from persons, links and decisions. Returns how many there are."""
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    images = list(Image.objects.filter(study=study).order_by("pk").only("pk", "person_id", "cluster"))
    place = {image.pk: at for at, image in enumerate(images)}
    pairs = ((place[first], place[second]) for first, second in _pairs(study, images))
    groups = joined(len(images), pairs)
    changed = []
    for image, group in zip(images, groups, strict=True):
        if image.cluster != images[group].pk:
            image.cluster = images[group].pk
            changed.append(image)
    Image.objects.bulk_update(changed, ["cluster"], batch_size=_BATCH)
    clusters = len(set(groups))
    if changed:
        audit.record(actor, "clusters.found", study, study_id=study.pk, after={"clusters": clusters})
    return clusters


def _pairs(study: Study, images: list[Image]) -> Iterator[tuple[int, int]]:
    """Pairs of image ids that belong together, after all decisions."""
    first_of: dict[int, int] = {}
    found = {
        (min(image.pk, first), max(image.pk, first))
        for image in images
        if image.person_id is not None and (first := first_of.setdefault(image.person_id, image.pk)) != image.pk
    }
    found |= set(ImageLink.objects.filter(study=study).values_list("first_id", "second_id"))
    for decision in ClusterDecision.objects.filter(study=study).order_by("pk"):
        if decision.kind == DecisionKind.MERGE:
            found |= {(min(decision.images[0], other), max(decision.images[0], other)) for other in decision.images[1:]}
        else:
            apart, rest = set(decision.images), set(decision.others)
            found = {pair for pair in found if not (len(apart & set(pair)) == 1 and len(rest & set(pair)) == 1)}
    return iter(found)


def not_searched(study: Study) -> int:
    """How many pictures no search has put into a cluster yet."""
    return Image.objects.filter(Q(cluster=None), study=study, erased_at__isnull=True).count()


def together(study: Study) -> list[list[int]]:
    """The ids of every cluster of two or more pictures, each in ascending order."""
    rows = Image.objects.filter(study=study, cluster__isnull=False, erased_at__isnull=True)
    members: dict[int, list[int]] = {}
    for pk, cluster in rows.order_by("pk").values_list("pk", F("cluster")):
        members.setdefault(cluster, []).append(pk)
    return [ids for ids in members.values() if len(ids) > 1]
