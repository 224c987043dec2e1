"""A study once more: settings and scale, and where asked its pictures and its raters. Nothing that was drawn or graded.

The copy has a seed of its own and no golden set: it draws or chooses its own, so whoever has seen the old one's may
rate in it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Model

from accounts import audit
from accounts.audit import Actor
from labeler import file_store
from labeler.models import (
    ClusterDecision,
    DecisionKind,
    Examination,
    Image,
    ImageLink,
    ImageName,
    Level,
    Membership,
    MembershipState,
    Person,
    PracticeItem,
    Rendition,
    Role,
    Study,
)
from labeler.studies import add_member
from labeler.study_settings import MAX_NAME

_BATCH = 5_000
Row = TypeVar("Row", bound=Model)


def copy_study(study: Study, name: str, *, actor: Actor, images: bool = False, raters: bool = False) -> Study:
    """Make a study in draft like this one, led by the same people and by the actor.

    Copies name apart the settings, the scale with its examples, what raters practise on, and the thresholds of
    prescreening; with `images` all that is not erased, with names, tables' columns, persons, verdicts, examinations,
    links and decisions on clusters; with `raters` the active ones who have an account. Raises ValidationError for the
    name.
    """
    copied: list[int] = []
    try:
        with transaction.atomic():
            return _copy(study, name.strip(), actor, images, raters, copied)
    except BaseException:
        for pk in copied:  # the number of a study that never came about is not given again
            shutil.rmtree(file_store.path_of(f"studies/{pk}"), ignore_errors=True)
        raise


def _copy(study: Study, name: str, actor: Actor, images: bool, raters: bool, copied: list[int]) -> Study:
    old = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    _check_name(name)
    new = Study.objects.create(
        name=name,
        overlap=old.overlap,
        repeat_share=old.repeat_share,
        grade_regions=old.grade_regions,
        welcome=old.welcome,
        prescreen=old.prescreen,
        golden_draw_size=old.golden_draw_size if images else 0,
        golden_draw_column=old.golden_draw_column if images else "",
        is_synthetic=old.is_synthetic and images,
    )
    copied.append(new.pk)
    _copy_scale(old, new)
    pictures = _copy_images(old, new) if images else 0
    people = _copy_people(old, new, raters, actor)
    after = {"from": old.pk, "images": pictures, "raters": people}
    audit.record(actor, "study.copied", new, study_id=new.pk, after=after)
    return new


def _check_name(name: str) -> None:
    if not name:
        raise ValidationError({"name": "A study needs a name."})
    if len(name) > MAX_NAME:
        raise ValidationError({"name": f"The name is longer than {MAX_NAME} characters."})
    if Study.objects.filter(name=name).exists():
        raise ValidationError({"name": f"There is a study called “{name}” already."})


def _copy_scale(old: Study, new: Study) -> None:
    levels = {}
    for level in old.levels.all():
        example = _again(level.example, old, new)
        fields = {field: getattr(level, field) for field in ("order", "value", "name", "description", "key")}
        levels[level.pk] = Level.objects.create(study=new, example=example, **fields)
    for item in old.practice_items.all():
        told = {field: getattr(item, field) for field in ("order", "remark", "sha256")}
        path = _again(item.path, old, new)
        PracticeItem.objects.create(study=new, level=levels[item.level_id], path=path, **told)


def _copy_people(old: Study, new: Study, raters: bool, actor: Actor) -> int:
    active = Membership.objects.filter(study=old, state=MembershipState.ACTIVE, user__isnull=False).order_by("code")
    leads = [seat.user for seat in active.filter(role=Role.LEAD).select_related("user")]
    if actor.user is not None and actor.user not in leads:
        leads.insert(0, actor.user)
    for lead in leads:
        add_member(new, Role.LEAD, user=lead, actor=actor)
    chosen = list(active.filter(role=Role.RATER).select_related("user")) if raters else []
    for seat in chosen:
        add_member(new, Role.RATER, user=seat.user, actor=actor)
    return len(chosen)


def _copy_images(old: Study, new: Study) -> int:
    persons = _copied(
        Person.objects.filter(study=old).order_by("pk").iterator(),
        lambda person: Person(study=new, external_id=person.external_id),
    )
    there = Image.objects.filter(study=old, erased_at__isnull=True).order_by("pk")
    images = _copied(there.iterator(), lambda image: _image(image, old, new, persons))
    _copy_clusters(there.values_list("pk", "cluster").iterator(), new, images)
    names = ImageName.objects.filter(image__in=there).order_by("pk")
    _copied(names.iterator(), lambda name: _of(name, images, study=new))
    shown = Rendition.objects.filter(image__in=there).select_related("image").order_by("pk")
    _copied(shown.iterator(), lambda rendition: _rendition(rendition, new, images))
    _copied(Examination.objects.filter(image__in=there).order_by("pk").iterator(), lambda seen: _of(seen, images))
    links = ImageLink.objects.filter(study=old, first__in=there, second__in=there).order_by("pk")
    _copied(links.iterator(), lambda link: _link(link, new, images))
    _copy_decisions(old, new, images)
    return len(images)


def _copied(rows: Iterable[Row], make: Callable[[Row], Row]) -> dict[int, int]:
    """Write what `make` makes of each row; returns the new ids by the old ones."""
    ids: dict[int, int] = {}
    rows = iter(rows)
    while batch := list(islice(rows, _BATCH)):
        made = [make(row) for row in batch]
        type(made[0])._default_manager.bulk_create(made)
        ids |= {row.pk: copy.pk for row, copy in zip(batch, made, strict=True)}
    return ids


def _image(image: Image, old: Study, new: Study, persons: dict[int, int]) -> Image:
    return Image(
        study=new,
        original=_again(image.original, old, new),
        person_id=persons[image.person_id] if image.person_id is not None else None,
        **{field: getattr(image, field) for field in ("sha256", "perceptual_hash", "width", "height", "quality")},
        **{field: getattr(image, field) for field in ("rejected_code", "rejected_reason", "rejection_overridden_at")},
    )


def _rendition(rendition: Rendition, new: Study, images: dict[int, int]) -> Rendition:
    copy = _of(rendition, images)
    if rendition.path and rendition.image.sha256 is not None:
        copy.path = file_store.rendition_path(new.pk, rendition.image.sha256)
        file_store.keep_link(rendition.path, copy.path)
    return copy


def _link(link: ImageLink, new: Study, images: dict[int, int]) -> ImageLink:
    first, second = images[link.first_id], images[link.second_id]
    return ImageLink(study=new, first_id=first, second_id=second, kind=link.kind, distance=link.distance)


def _of(row: Row, images: dict[int, int], **changed: Model) -> Row:
    """The same row of the copied image."""
    fields = {
        field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if not field.primary_key
    }
    copy = type(row)(**fields | {"image_id": images[fields["image_id"]]})
    for field, value in changed.items():
        setattr(copy, field, value)
    return copy


def _copy_clusters(rows: Iterable[tuple[int, int | None]], new: Study, images: dict[int, int]) -> None:
    """The same images are together; what no search has looked at stays unlooked at."""
    first: dict[int, int] = {}
    unsearched, mates = [], []
    for pk, cluster in rows:
        if cluster is None:
            unsearched.append(images[pk])
        elif first.setdefault(cluster, images[pk]) != images[pk]:
            mates.append(Image(pk=images[pk], cluster=first[cluster]))
    copies = Image.objects.filter(study=new)
    copies.update(cluster=F("pk"))
    copies.filter(pk__in=unsearched).update(cluster=None)
    # A batch is one statement whose work grows with its square.
    Image.objects.bulk_update(mates, ["cluster"], batch_size=500)


def _copy_decisions(old: Study, new: Study, images: dict[int, int]) -> None:
    for decision in ClusterDecision.objects.filter(study=old).order_by("pk"):
        mine = [images[pk] for pk in decision.images if pk in images]
        others = [images[pk] for pk in decision.others if pk in images]
        if len(mine) > 1 if decision.kind == DecisionKind.MERGE else mine and others:
            ClusterDecision.objects.create(
                study=new, kind=decision.kind, images=mine, others=others, reason=decision.reason, by=decision.by
            )


def _again(path: str, old: Study, new: Study) -> str:
    """A stored file of the old study under the new one's folder."""
    if not path:
        return ""
    copy = f"studies/{new.pk}/" + path.removeprefix(f"studies/{old.pk}/")
    file_store.keep_link(path, copy)
    return copy
