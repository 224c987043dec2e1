"""All that a lead may know of one picture: its figures, its names, why it is not shown, and with which it belongs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.models import AuditEvent
from labeler.models import Examination, Image, ImageName, Study
from labeler.prescreening import measured
from labeler.thresholds import Check, Thresholds, checks


@dataclass(frozen=True, slots=True)
class Decision:
    """A lead's word on the picture. `by` is empty for a command."""

    at: datetime
    by: str
    keep: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Picture:
    """mates: ids of the other pictures of its cluster."""

    image: Image
    names: tuple[ImageName, ...]
    checks: tuple[Check, ...]
    examination: Examination | None
    mates: tuple[int, ...]
    decisions: tuple[Decision, ...]

    @property
    def name(self) -> str:
        return self.names[0].name if self.names else f"image {self.image.pk}"

    @property
    def is_rejected(self) -> bool:
        return bool(self.image.rejected_reason) and self.image.rejection_overridden_at is None


def picture(study: Study, image_id: int) -> Picture | None:
    """The picture with that id, None where the study has none."""
    found = Image.objects.select_related("person", "examination").defer("examination__embedding")
    image = found.filter(study=study, pk=image_id).first()
    if image is None:
        return None
    mates = Image.objects.filter(study=study, cluster=image.cluster, erased_at__isnull=True).exclude(pk=image.pk)
    return Picture(
        image=image,
        names=tuple(image.names.order_by("repeat")),
        checks=checks(Thresholds.from_stored(study.prescreen), *measured(image)),
        examination=getattr(image, "examination", None),
        mates=tuple(mates.order_by("pk").values_list("pk", flat=True)) if image.cluster else (),
        decisions=_decisions(study, image),
    )


def _decisions(study: Study, image: Image) -> tuple[Decision, ...]:
    events = AuditEvent.objects.filter(
        study_id=study.pk, verb="images.overruled", after__images__contains=[image.pk]
    ).select_related("actor")
    return tuple(
        Decision(event.at, str(event.actor or ""), bool(event.after["keep"]), str(event.after["reason"]))
        for event in events.order_by("seq")
        if event.after
    )
