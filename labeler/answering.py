"""Taking a rater's answers: each is applied once, in the order given, and none is ever lost or overwritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from labeler import rater_rows
from labeler.labelling import Refusal, why_not_open
from labeler.looking_back import PARTS, Given, PartGiven
from labeler.models import Flag, Label, Level, Membership, Region
from labeler.rater_rows import Item

UNKNOWN = Refusal("unknown", _("This image is not among those sent to you in this study."))
OFF_SCALE = Refusal("invalid", _("This grade is not on the study’s scale."))
NO_REASON = Refusal("invalid", _("“Another reason” needs a few words."))
NO_PARTS = Refusal("invalid", _("This study grades the whole face alone."))
PARTS_MISSING = Refusal(
    "invalid", _("Forehead, cheeks and chin each need a grade here, or that they are not seen. Open the page again.")
)
FLAGGED_WHOLE = Refusal("invalid", _("An image that can’t be graded has no grades of forehead, cheeks and chin."))
KEY_TAKEN = Refusal("invalid", _("This answer’s key belongs to another answer."))


@dataclass(frozen=True, slots=True)
class Answer:
    """One grade (`level_value`) or flag, as the browser gave it; times are by the browser's clock.

    `regions`: each of PARTS, where the study wants those and the image is graded; else none.
    """

    token: str
    # Made in the browser: delivering an answer twice writes it once.
    client_key: UUID
    level_value: float | None = None
    flag: Flag = Flag.NONE
    comment: str = ""
    unsure: bool = False
    regions: Mapping[Region, PartGiven] = field(default_factory=dict)
    # The highest version of this image's answer that the page knew of; 0 is none.
    base_version: int = 0
    shown_at: datetime | None = None
    client_time: datetime | None = None
    decide_ms: int | None = None
    viewing: Mapping[str, float] = field(default_factory=dict)


class Status(StrEnum):
    SAVED = "saved"
    DUPLICATE = "duplicate"
    # Saved, but the page did not know of the answer that it replaces: `Outcome.earlier`.
    STALE = "stale"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one answer; `refusal` says why it was not taken."""

    client_key: str
    status: Status
    version: int | None = None
    earlier: Given | None = None
    refusal: Refusal | None = None


def answer(membership: Membership, given: Answer) -> Outcome:
    """Take one answer; see `answer_all`."""
    return answer_all(membership, [given])[0]


@transaction.atomic
def answer_all(membership: Membership, answers: Sequence[Answer], *, sent_at: datetime | None = None) -> list[Outcome]:
    """Append the answers as labels, each once, and tell for each what became of it.

    One that can't be taken is refused alone. `sent_at` is the browser's clock at sending: it corrects `shown_at`.
    """
    # The lock lines up a rater's tabs, so that versions and the order shown have no gaps and no ties.
    locked = rater_rows.locked(membership.pk)
    batch = _Batch(locked, answers, sent_at)
    outcomes = [batch.take(given) for given in answers]
    batch.write()
    return outcomes


class _Batch:
    """What the database knows of a batch's images, and what is to be written."""

    def __init__(self, membership: Membership, answers: Sequence[Answer], sent_at: datetime | None) -> None:
        self.membership = membership
        self.now = timezone.now()
        self.ahead = self.now - sent_at if sent_at else timedelta(0)
        known = rater_rows.known(membership, [one.token for one in answers], [one.client_key for one in answers])
        membership.study.state = known.state or membership.study.state
        self.refusal = why_not_open(membership)
        self.items = {item.token: item for item in known.items}
        self.levels = known.levels
        self.last_shown = known.last_shown
        self.by_key: dict[UUID, Label] = {}
        # Of each image its answers in order, each with its labels: the whole face's and its parts'.
        self.answers: dict[int, list[list[Label]]] = {}
        for label in known.labels:
            self._remember(label)
        self.labels: list[Label] = []
        self.shown: list[Item] = []

    def _remember(self, label: Label) -> None:
        self.by_key[label.client_key] = label
        answers = self.answers.setdefault(label.assignment_id, [])
        if not answers or answers[-1][0].version != label.version:
            answers.append([])
        answers[-1].append(label)

    def take(self, given: Answer) -> Outcome:
        item = self.items.get(given.token)
        known = self.by_key.get(given.client_key)
        if known is not None and item is not None and known.assignment_id == item.id:
            return self._told_again(known)
        refusal = self._why_refused(given, item, known)
        if refusal is not None or item is None:
            return Outcome(str(given.client_key), Status.REFUSED, refusal=refusal)
        before = self.answers.get(item.id)
        version = before[-1][0].version if before else 0
        earlier = _given(before[-1]) if before and version > given.base_version else None
        self._append(given, item, version + 1, stale=earlier is not None)
        status = Status.SAVED if earlier is None else Status.STALE
        return Outcome(str(given.client_key), status, version=version + 1, earlier=earlier)

    def _told_again(self, known: Label) -> Outcome:
        """Of a label that is there already. That it was stale, its page may not have heard: the word was lost."""
        if not known.stale:
            return Outcome(str(known.client_key), Status.DUPLICATE, version=known.version)
        earlier = [labels for labels in self.answers[known.assignment_id] if labels[0].version < known.version]
        return Outcome(str(known.client_key), Status.STALE, version=known.version, earlier=_given(earlier[-1]))

    def _why_refused(self, given: Answer, item: Item | None, known: Label | None) -> Refusal | None:
        if self.refusal is not None:
            return self.refusal
        if item is None:
            return UNKNOWN
        if known is not None:
            return KEY_TAKEN
        if given.flag == Flag.NONE and given.level_value not in self.levels:
            return OFF_SCALE
        if given.flag == Flag.OTHER and not given.comment.strip():
            return NO_REASON
        return self._why_parts_refused(given)

    def _why_parts_refused(self, given: Answer) -> Refusal | None:
        if given.regions and not self.membership.study.grade_regions:
            return NO_PARTS
        if given.regions and given.flag != Flag.NONE:
            return FLAGGED_WHOLE
        wanted = PARTS if self.membership.study.grade_regions and given.flag == Flag.NONE else ()
        if set(given.regions) != set(wanted):
            return PARTS_MISSING
        on_scale = (one.flag == Flag.UNSEEN or one.level_value in self.levels for one in given.regions.values())
        return None if all(on_scale) else OFF_SCALE

    def _append(self, given: Answer, item: Item, version: int, *, stale: bool) -> None:
        """The whole face's label and those of its parts, all of one version."""
        face = Label(
            assignment_id=item.id,
            version=version,
            client_key=given.client_key,
            level=self._level(given.level_value, given.flag),
            flag=given.flag,
            unsure=given.unsure,
            comment=given.comment.strip(),
            stale=stale,
            viewing=dict(given.viewing),
            client_time=given.client_time,
            decide_ms=given.decide_ms,
        )
        parts = [
            Label(
                assignment_id=item.id,
                region=region,
                version=version,
                # Worked out from the answer's own key: no browser can send one like it.
                client_key=uuid5(given.client_key, region),
                level=self._level(part.level_value, part.flag),
                flag=part.flag,
                stale=stale,
                client_time=given.client_time,
            )
            for region, part in given.regions.items()
        ]
        for label in (face, *parts):
            self._remember(label)
            self.labels.append(label)
        if item.shown_seq is None:
            self.last_shown += 1
            item.first_shown_at, item.shown_seq = self._first_shown(given, item), self.last_shown
            self.shown.append(item)

    def _level(self, value: float | None, flag: str) -> Level | None:
        return Level(pk=self.levels[value], value=value) if value is not None and flag == Flag.NONE else None

    def _first_shown(self, given: Answer, item: Item) -> datetime:
        """By the server's clock, and never before the image had left, nor after its answer came."""
        claimed = given.shown_at + self.ahead if given.shown_at else self.now
        return min(max(claimed, item.released_at), self.now)

    def write(self) -> None:
        if self.labels:
            rater_rows.append(self.labels, self.shown, self.now)


def _given(labels: Sequence[Label]) -> Given:
    """The labels of one answer, as they are told."""
    face = next(label for label in labels if label.region == Region.FACE)
    return Given.of(face, (label for label in labels if label is not face))
