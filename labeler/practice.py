"""Practice: pictures with the grade that they should have, on which raters try the scale before their first image.

What raters answer there is no grade, and is not kept. The pictures are the lead's own, never the study's images: see
`teaching`. A picture lies below the store under the digest of what is shown; the file as it came is not kept.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from labeler import file_store
from labeler.models import Level, Membership, PracticeItem, Study
from labeler.teaching import open_picture, refuse_own_image
from mlcore.images import render

SUGGESTED: Final = 5
MOST: Final = 40
MAX_REMARK: Final = 500
_GONE: Final = "The picture was taken away meanwhile. Open the page again."


def items_of(study: Study) -> list[PracticeItem]:
    """The practice pictures in their order, with their levels."""
    return list(PracticeItem.objects.filter(study=study).select_related("level").order_by("order"))


@transaction.atomic
def add_item(study: Study, data: bytes, value: float, *, remark: str = "", actor: Actor) -> PracticeItem:
    """Put a picture, as a file's bytes, behind the others; `value` is the level that it should get.

    Raises ValidationError by field (`picture`, `level`, `remark`).
    """
    try:
        pixels = open_picture(data)
    except ValidationError as error:
        raise ValidationError({"picture": error.messages}) from error
    shown, sha256 = render(pixels).data, hashlib.sha256(data).hexdigest()
    _hold(study)
    there = items_of(study)
    if len(there) >= MOST:
        raise ValidationError({"picture": f"There are {MOST} practice pictures already, which is the most."})
    if any(item.sha256 == sha256 for item in there):
        raise ValidationError({"picture": "This picture is among the practice pictures already."})
    level, remark = _level(study, value), _remark(remark)
    try:
        refuse_own_image(study, data, pixels)
    except ValidationError as error:
        raise ValidationError({"picture": error.messages}) from error
    path = f"studies/{study.pk}/practice/{hashlib.sha256(shown).hexdigest()}.jpg"
    file_store.keep(path, shown)
    item = PracticeItem.objects.create(
        study=study, order=len(there) + 1, level=level, remark=remark, sha256=sha256, path=path
    )
    audit.record(actor, "practice.added", item, study_id=study.pk, after=_told(item))
    return item


@transaction.atomic
def change_item(study: Study, item_id: int, value: float, *, remark: str, actor: Actor) -> bool:
    """Give a picture another level or remark. Returns whether anything changed. Raises ValidationError by field."""
    _hold(study)
    item = _item(study, item_id)
    before = _told(item)
    item.level, item.remark = _level(study, value), _remark(remark)
    after = _told(item)
    if before == after:
        return False
    item.save(update_fields=["level", "remark"])
    audit.record(actor, "practice.changed", item, study_id=study.pk, before=before, after=after)
    return True


@transaction.atomic
def move_item(study: Study, item_id: int, by: int, *, actor: Actor) -> bool:
    """Move a picture so many places down, or up if negative, as far as there are places. Returns whether it moved."""
    _hold(study)
    items = items_of(study)
    old = next((place for place, item in enumerate(items) if item.pk == item_id), None)
    if old is None:
        raise ValidationError(_GONE)
    new = min(max(old + by, 0), len(items) - 1)
    if new == old:
        return False
    moved = items.pop(old)
    items.insert(new, moved)
    _number(items)
    before, after = {"order": old + 1}, {"order": new + 1}
    audit.record(actor, "practice.moved", moved, study_id=study.pk, before=before, after=after)
    return True


@transaction.atomic
def remove_item(study: Study, item_id: int, *, actor: Actor) -> None:
    """Take a picture away, its file too. Raises ValidationError."""
    _hold(study)
    item = _item(study, item_id)
    audit.record(actor, "practice.removed", item, study_id=study.pk, before=_told(item))
    path = item.path
    item.delete()
    _number(items_of(study))
    transaction.on_commit(lambda: _forget(path))


@transaction.atomic
def finish_welcome(membership: Membership, *, actor: Actor) -> bool:
    """Write down that the rater has seen the welcome. Returns whether it was the first time; later times do nothing."""
    now = timezone.now()
    unwelcomed = Membership.objects.filter(pk=membership.pk, welcomed_at__isnull=True)
    if not unwelcomed.update(welcomed_at=now):
        return False
    membership.welcomed_at = now
    after = {"code": membership.code}
    audit.record(actor, "member.welcomed", membership, study_id=membership.study_id, after=after)
    return True


def awaits_welcome(membership: Membership) -> bool:
    """Whether the rater is to see the welcome before they grade."""
    return membership.study.welcome and membership.welcomed_at is None


def _hold(study: Study) -> None:
    """Until the end of the transaction nobody else changes practice, scale or images."""
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)


def _item(study: Study, item_id: int) -> PracticeItem:
    item = PracticeItem.objects.select_related("level").filter(study=study, pk=item_id).first()
    if item is None:
        raise ValidationError(_GONE)
    return item


def _level(study: Study, value: float) -> Level:
    level = Level.objects.filter(study=study, value=value).first()
    if level is None:
        raise ValidationError({"level": f"The scale has no level of the value {value:g}."})
    return level


def _remark(text: str) -> str:
    if len(text.strip()) > MAX_REMARK:
        raise ValidationError({"remark": f"The remark is longer than {MAX_REMARK} characters."})
    return text.strip()


def _number(items: list[PracticeItem]) -> None:
    for place, item in enumerate(items, start=1):
        item.order = place
    PracticeItem.objects.bulk_update(items, ["order"])


def _forget(path: str) -> None:
    """Another item may show the same, from another file."""
    if not PracticeItem.objects.filter(path=path).exists():
        file_store.path_of(path).unlink(missing_ok=True)


def _told(item: PracticeItem) -> dict[str, Any]:
    return {"sha256": item.sha256, "order": item.order, "level": item.level.value, "remark": item.remark}
