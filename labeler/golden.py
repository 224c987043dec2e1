"""The golden set, which everybody grades: chosen image by image, by a table, or drawn at random when labelling begins.

A cluster of near-duplicates and pictures of one person is golden as a whole or not at all. Who chooses has seen the
golden set and can't rate; a draw is nobody's choice, and nobody sees it before the close.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from sys import intern

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import BigIntegerField, CharField, Count, F, Func, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce

from accounts import audit
from accounts.audit import Actor
from labeler.golden_table import read_choices
from labeler.models import GoldenItem, Image, ImageName, Sight, Study, StudyState, usable_images
from labeler.sight import record_sight
from labeler.stratified import drawn, quotas

_BATCH = 5_000
# An image that no search has looked at yet stands alone.
_GROUP = Coalesce("cluster", "pk", output_field=BigIntegerField())
# The stratum of images whose row has no value in the column.
NO_VALUE = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """How many images became golden, and how many ceased to be."""

    chosen: int
    unchosen: int = 0


@dataclass(frozen=True, slots=True)
class Stratum:
    """One value of the column: the images that could be drawn, and how many of them a draw gives."""

    value: str
    images: int
    drawn: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How the golden set stands, in numbers that tell nobody which images are in it."""

    chosen: int
    withdrawn: int
    straddling: int
    to_draw_from: int


def standing(study: Study) -> Standing:
    items = GoldenItem.objects.filter(study=study)
    return Standing(
        chosen=items.filter(withdrawn_at__isnull=True).count(),
        withdrawn=items.filter(withdrawn_at__isnull=False).count(),
        straddling=len(straddling(study)),
        to_draw_from=_candidates(study).count(),
    )


@transaction.atomic
def choose(study: Study, images: Collection[int], *, actor: Actor) -> Changed:
    """Make images, by id, golden, each with its whole cluster.

    Raises ValidationError when labelling has begun, for images that could not be graded, and for an actor who rates.
    """
    _lock_draft(study)
    record_sight(study, Sight.CHOSE, actor)
    return _change(study, images, (), actor)


@transaction.atomic
def unchoose(study: Study, images: Collection[int], *, actor: Actor) -> Changed:
    """Take images, by id, out of the golden set again, each with its whole cluster. Raises as `choose` does."""
    _lock_draft(study)
    record_sight(study, Sight.CHOSE, actor)
    return _change(study, (), images, actor)


@transaction.atomic
def set_choice(study: Study, chosen: Collection[int], unchosen: Collection[int], *, actor: Actor) -> Changed:
    """Both at once, as a page of pictures with ticks asks for. Where a cluster is asked for both, it is golden."""
    _lock_draft(study)
    record_sight(study, Sight.CHOSE, actor)
    return _change(study, chosen, unchosen, actor)


@transaction.atomic
def choose_from_table(study: Study, table_name: str, data: bytes, *, actor: Actor) -> Changed:
    """Choose by a table of files: see `golden_table`. Images that it doesn't name stay what they are.

    Raises BadTable with every problem, and ValidationError as `choose` does; then nothing is changed.
    """
    _lock_draft(study)
    choices = read_choices(study, table_name, data)
    record_sight(study, Sight.CHOSE, actor)
    return _change(study, choices.golden, choices.others, actor)


@transaction.atomic
def plan_draw(study: Study, size: int, column: str, *, actor: Actor) -> None:
    """Have `size` images drawn at random when labelling begins, in proportion to the values of a metadata column.

    Size 0 is no draw; an empty column draws from all alike. Raises ValidationError by field.
    """
    _lock_draft(study)
    if size < 0:
        raise ValidationError({"size": "It can't be less than none."})
    if column and column not in columns(study):
        raise ValidationError({"column": f"No image has a column “{column}” in its table."})
    there = _candidates(study).count()
    if size > there:
        raise ValidationError({"size": f"There are only {there} images to draw from."})
    before = {"size": study.golden_draw_size, "column": study.golden_draw_column}
    after = {"size": size, "column": column}
    if before == after:
        return
    study.golden_draw_size, study.golden_draw_column = size, column
    study.save(update_fields=["golden_draw_size", "golden_draw_column"])
    audit.record(actor, "golden.draw_planned", study, study_id=study.pk, before=before, after=after)


@transaction.atomic
def draw(study: Study, *, actor: Actor, rng_seed: int) -> int:
    """Draw the planned golden images, besides those chosen already. Returns how many.

    Strata give in proportion to their images (largest remainder), clusters go whole, by the value that most of their
    images have. What whole clusters could not fill in their stratum is drawn from all that is left. Only the size,
    the column and the seed decide. Nobody is told which, so nobody has seen them. Raises ValidationError when there
    are fewer images than the draw needs.
    """
    size, column = study.golden_draw_size, study.golden_draw_column
    if size == 0:
        return 0
    clusters = _by_stratum(study, column)
    there = {value: sum(map(len, groups)) for value, groups in clusters.items()}
    if sum(there.values()) < size:
        raise ValidationError(f"{size} golden images are to be drawn, but there are only {sum(there.values())} left.")
    images = drawn(clusters, size, rng_seed)
    _add(study, images)
    after = {"asked": size, "drawn": len(images), "column": column}
    audit.record(actor, "golden.drawn", study, study_id=study.pk, after=after)
    return len(images)


def strata(study: Study, column: str, size: int) -> list[Stratum]:
    """What a draw of that size would take of each value of the column, the largest first.

    Raises ValueError when there are fewer images than that.
    """
    there = {value: sum(map(len, groups)) for value, groups in _by_stratum(study, column).items()}
    given = quotas(there, size)
    return [
        Stratum(value, there[value], given[value]) for value in sorted(there, key=lambda name: (-there[name], name))
    ]


def columns(study: Study) -> list[str]:
    """The columns of the images' tables, by which a draw can be stratified."""
    keys = ImageName.objects.filter(study=study).annotate(key=_JSONKeys(F("metadata"))).values_list("key", flat=True)
    return sorted(keys.distinct())


def straddling(study: Study) -> list[list[int]]:
    """Clusters of which only a part is golden: the ids of all their images that could be graded, ascending."""
    usable = Image.objects.filter(usable_images(), study=study, cluster__isnull=False)
    parted = (
        usable.values("cluster")
        .annotate(golden=Count("pk", filter=Q(golden_item__isnull=False)), images=Count("pk"))
        .filter(golden__gt=0, golden__lt=F("images"))
        .values("cluster")
    )
    members: dict[int, list[int]] = defaultdict(list)
    for pk, cluster in usable.filter(cluster__in=parted).order_by("pk").values_list("pk", F("cluster")):
        members[cluster].append(pk)
    return list(members.values())


@transaction.atomic
def complete(study: Study, *, actor: Actor) -> int:
    """Make every cluster of which a part is golden so as a whole. Returns how many images became golden.

    It shows nobody which they are, so it is no sight. Raises ValidationError when labelling has begun.
    """
    _lock_draft(study)
    return _change(study, {image for cluster in straddling(study) for image in cluster}, (), actor).chosen


def _lock_draft(study: Study) -> None:
    state = Study.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=study.pk)
    if state != StudyState.DRAFT:
        raise ValidationError("The golden set is chosen while a study is being set up; this one has begun.")


def _change(study: Study, chosen: Collection[int], unchosen: Collection[int], actor: Actor) -> Changed:
    into = _with_clusters(study, chosen)
    _refuse_unusable(study, set(chosen) - into)
    golden = set(GoldenItem.objects.filter(study=study).values_list("image_id", flat=True))
    out = (_with_clusters(study, unchosen) & golden) - into
    into -= golden
    if out:
        GoldenItem.objects.filter(study=study, image__in=out).delete()
        audit.record(actor, "golden.unchosen", study, study_id=study.pk, after={"images": sorted(out)})
    if into:
        _add(study, into)
        audit.record(actor, "golden.chosen", study, study_id=study.pk, after={"images": sorted(into)})
    return Changed(len(into), len(out))


def _with_clusters(study: Study, images: Collection[int]) -> set[int]:
    """The images of the study among these that could be graded, and all that belong together with them."""
    usable = Image.objects.filter(usable_images(), study=study)
    asked = usable.filter(pk__in=images)
    clusters = set(asked.filter(cluster__isnull=False).values_list("cluster", flat=True))
    return set(usable.filter(Q(pk__in=images) | Q(cluster__in=clusters)).values_list("pk", flat=True))


def _refuse_unusable(study: Study, images: Collection[int]) -> None:
    if images:
        names = ImageName.objects.filter(study=study, image__in=images, repeat=0).order_by("pk")
        told = ", ".join(f"“{name}”" for name in names.values_list("name", flat=True)[:5]) or "not in this study"
        raise ValidationError(f"Images that nobody could grade can't be golden: {told}.")


def _add(study: Study, images: Iterable[int]) -> None:
    items = (GoldenItem(study=study, image_id=image) for image in sorted(images))
    GoldenItem.objects.bulk_create(items, batch_size=_BATCH)


def _candidates(study: Study) -> QuerySet[Image]:
    """Images that a draw may take: of clusters without any golden image."""
    everyone = Image.objects.filter(study=study).alias(group=_GROUP)
    golden = set(everyone.filter(golden_item__isnull=False).values_list(_GROUP, flat=True))
    return everyone.filter(usable_images()).exclude(group__in=golden)


def _by_stratum(study: Study, column: str) -> dict[str, list[Sequence[int]]]:
    """The clusters that a draw may take, by the value that most of their images have in the column."""
    rows = _candidates(study).order_by(_GROUP, "pk").values_list(_GROUP, "pk").iterator(chunk_size=_BATCH)
    groups = (tuple(image for _, image in members) for _, members in groupby(rows, key=itemgetter(0)))
    return by_value(groups, values(study, column) if column else {})


def by_value(clusters: Iterable[Sequence[int]], value_of: Mapping[int, str]) -> dict[str, list[Sequence[int]]]:
    """Clusters of image ids by the value that most of their images have; ties by name."""
    found: dict[str, list[Sequence[int]]] = defaultdict(list)
    for images in clusters:
        votes = Counter(value_of.get(image, NO_VALUE) for image in images)
        found[min(votes, key=lambda value: (-votes[value], value))].append(images)
    return dict(sorted(found.items()))


def values(study: Study, column: str, *, until: datetime | None = None) -> dict[int, str]:
    """What the tables say of every image in that column; the first name that says something counts.

    `until` leaves out what was imported after.
    """
    names = ImageName.objects.filter(study=study, metadata__has_key=column)
    if until is not None:
        names = names.filter(created_at__lte=until)
    rows = names.order_by("image_id", "-repeat").values_list("image_id", KeyTextTransform(column, "metadata"))
    return {image: intern(value) for image, value in rows.iterator(chunk_size=_BATCH) if value}


class _JSONKeys(Func):
    function = "jsonb_object_keys"
    output_field = CharField()
    set_returning = True
