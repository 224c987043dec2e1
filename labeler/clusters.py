"""Which pictures belong together: near-duplicates, and pictures of one person. A cluster is never split between sets.

Three things join pictures: a person named in the images' table, a link that the search found, and a lead's decision.
A picture that nothing joins to another is a cluster of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, Q

from accounts import audit
from accounts.audit import Actor
from jobs import lifecycle
from jobs.models import Job
from labeler.models import Assignment, ClusterDecision, DecisionKind, Image, ImageLink, Study, StudyState
from mlcore.joining import joined

# The job that looks at every picture, finds links, and works out the clusters: `grading.examining`.
EXAMINE: Final = "grading.examine_images"
MAX_REASON: Final = 200

Pair = tuple[int, int]


def search(study: Study, *, actor: Actor) -> Job:
    """Queue the search for near-duplicates and persons. Raises AlreadyActive while one waits or runs."""
    return lifecycle.enqueue(EXAMINE, actor=actor, study_id=study.pk, dedup_key=search_key(study.pk))


def search_key(study_id: int) -> str:
    return f"{EXAMINE} {study_id}"


@transaction.atomic
def recluster(study: Study, *, actor: Actor) -> int:
    """Work out the study's clusters anew from persons, links and decisions. Returns how many there are.

    Every picture counts as searched from then on.
    """
    _lock(study)
    changed = _write(study.pk, _pairs(study), only_searched=False)
    clusters = Image.objects.filter(study=study).values("cluster").distinct().count()
    if changed:
        audit.record(actor, "clusters.found", study, study_id=study.pk, after={"clusters": clusters})
    return clusters


@transaction.atomic
def merge(study: Study, images: Collection[int], reason: str, *, actor: Actor) -> ClusterDecision:
    """A lead says that these pictures belong together, whatever was found. Raises ValidationError."""
    _lock(study)
    ids = sorted(set(images))
    if len(ids) < 2:
        raise ValidationError("Choose at least two images that belong together.")
    _check(study, ids)
    _check_dealt(study, _whole(study, ids))
    return _decide(study, DecisionKind.MERGE, ids, [], reason, actor)


@transaction.atomic
def split(study: Study, images: Collection[int], reason: str, *, actor: Actor) -> ClusterDecision:
    """A lead says that none of these pictures, of one cluster, belongs together with its others.

    Each of the two sides stays a cluster. Raises ValidationError.
    """
    _lock(study)
    ids = sorted(set(images))
    _check(study, ids)
    whole = _whole(study, ids)
    if len(whole) != 1:
        raise ValidationError("Choose images of one cluster.")
    others = sorted(whole[next(iter(whole))] - set(ids))
    if not others:
        raise ValidationError("Leave at least one image of the cluster: there is nothing to part these from.")
    _check_dealt(study, {0: set(ids), 1: set(others)})
    return _decide(study, DecisionKind.SPLIT, ids, others, reason, actor)


def _decide(
    study: Study, kind: DecisionKind, ids: list[int], others: list[int], reason: str, actor: Actor
) -> ClusterDecision:
    reason = reason.strip()
    if not reason or len(reason) > MAX_REASON:
        raise ValidationError(f"Say why, in at most {MAX_REASON} characters.")
    decision = ClusterDecision.objects.create(
        study=study, kind=kind, images=ids, others=others, reason=reason, by=actor.user
    )
    after = {"images": ids, "others": others, "reason": reason}
    audit.record(actor, f"clusters.{kind}", decision, study_id=study.pk, after=after)
    _write(study.pk, _pairs(study), only_searched=True)
    return decision


def _lock(study: Study) -> None:
    study.state = Study.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=study.pk)


def _check(study: Study, ids: list[int]) -> None:
    found = Image.objects.filter(study=study, pk__in=ids, cluster__isnull=False, erased_at__isnull=True).count()
    if not ids or found != len(ids):
        raise ValidationError("Some of these images are not in the study, were erased, or were not searched yet.")


def _whole(study: Study, ids: list[int]) -> dict[int, set[int]]:
    """The clusters of these images, each with all its images."""
    of_these = Image.objects.filter(pk__in=ids).values("cluster")
    clusters: dict[int, set[int]] = {}
    for pk, cluster in Image.objects.filter(study=study, cluster__in=of_these).values_list("pk", F("cluster")):
        clusters.setdefault(cluster, set()).add(pk)
    return clusters


def _check_dealt(study: Study, groups: dict[int, set[int]]) -> None:
    """What raters were dealt stays as it is: while a study runs, at most one of the groups may have such images.

    Golden or not makes no difference here, so a refusal tells nobody which images are golden.
    """
    if study.state not in {StudyState.LABELLING, StudyState.PAUSED}:
        return
    everybody = [pk for group in groups.values() for pk in group]
    dealt = set(Assignment.objects.filter(image__in=everybody).values_list("image_id", flat=True))
    if sum(bool(dealt & group) for group in groups.values()) > 1:
        raise ValidationError("These images were dealt to raters already; who got them can't change any more.")


def _pairs(study: Study) -> Iterable[Pair]:
    """Pairs of image ids that belong together, after all decisions."""
    first_of: dict[int, int] = {}
    persons = Image.objects.filter(study=study, person__isnull=False).order_by("pk").values_list("person_id", "pk")
    found = {
        (first, pk)
        for person, pk in persons.iterator(chunk_size=50_000)
        if (first := first_of.setdefault(person or 0, pk)) != pk
    }
    found |= set(ImageLink.objects.filter(study=study).values_list("first_id", "second_id"))
    for decision in ClusterDecision.objects.filter(study=study).order_by("pk"):
        if decision.kind == DecisionKind.MERGE:
            found |= {(decision.images[0], other) for other in decision.images[1:]}
        else:
            found = _parted(found, set(decision.images), set(decision.others))
    return found


def _parted(pairs: set[Pair], apart: set[int], rest: set[int]) -> set[Pair]:
    """The pairs without those across; each side stays together, also where only the other side held it together.

    Images of one person, say, are joined through that person's first: when that one leaves, the others stay joined.
    """
    kept, across = set(), False
    for first, second in pairs:
        if (first in apart and second in rest) or (first in rest and second in apart):
            across = True
        else:
            kept.add((first, second))
    if across:
        for side in (apart, rest):
            first, *more = sorted(side)
            kept |= {(first, other) for other in more}
    return kept


def _write(study_id: int, pairs: Iterable[Pair], *, only_searched: bool) -> int:
    """Set every image's cluster to the smallest id that it is joined to. Returns how many rows changed.

    One statement, and only those that something joins come through Python, so that a million images stay cheap.
    """
    found = list(pairs)
    ids = sorted({pk for pair in found for pk in pair})
    place = {pk: at for at, pk in enumerate(ids)}
    groups = joined(len(ids), ((place[first], place[second]) for first, second in found))
    statement = """
        UPDATE labeler_image AS image SET cluster = wanted.cluster
        FROM (
            SELECT one.id, coalesce(joined.cluster, one.id) AS cluster
            FROM labeler_image AS one LEFT JOIN unnest(%s::bigint[], %s::bigint[]) AS joined(id, cluster) USING (id)
            WHERE one.study_id = %s AND (one.cluster IS NOT NULL OR NOT %s)
        ) AS wanted
        WHERE image.id = wanted.id AND image.cluster IS DISTINCT FROM wanted.cluster
    """
    with connection.cursor() as cursor:
        cursor.execute(statement, [_array(ids), _array(ids[group] for group in groups), study_id, only_searched])
        return int(cursor.rowcount)


def _array(numbers: Iterable[int]) -> str:
    """PostgreSQL's own way to write an array: a list of a million parameters would be parsed one by one."""
    return "{" + ",".join(map(str, numbers)) + "}"


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
