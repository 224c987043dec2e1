"""What a rater does: take the next images, see one of them. `answering` takes the grades; `looking_back` tells them.

Blinding: these modules read Membership, Queue, Assignment, Rendition, Label, Level, and a study's name and state. They
read nothing that knows golden from training, and what they return goes to the browser as it is. A picture is sent by
`picture`, so that two raters who are sent the same one share nothing but its pixels.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from labeler import file_store, rater_rows
from labeler.models import (
    Assignment,
    Flag,
    Label,
    Level,
    Membership,
    MembershipState,
    Region,
    Role,
    StudyState,
)
from labeler.reading_ahead import AHEAD, read_ahead

MOST_ITEMS = 20
# What is put behind a picture: up to a quarter of its size, and at least up to this many bytes.
LEAST_PADDING = 4096


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing can be taken now: a code for the page, and words for its reader."""

    code: str
    text: str | Promise


NOT_STARTED = Refusal("not_started", _("This study has not started yet. You can grade once its lead opens it."))
PAUSED = Refusal("paused", _("The study’s lead has paused it. You can go on once it is resumed."))
CLOSED = Refusal("closed", _("This study is closed: it takes no more grades. Thank you for your work."))
WITHDRAWN = Refusal("withdrawn", _("You no longer take part in this study."))

_BY_STATE = {StudyState.DRAFT: NOT_STARTED, StudyState.PAUSED: PAUSED, StudyState.CLOSED: CLOSED}


class NotOpen(Exception):
    """The rater can't work in the study now."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class Window:
    """The next images without an answer, in the rater's order, and how far they are."""

    tokens: tuple[str, ...]
    answered: int
    total: int


def rater(user: User, study_id: int) -> Membership | None:
    """The user's membership as a rater, in whatever state but invited, with the study's name and state alone."""
    return (
        Membership.objects.filter(user=user, study_id=study_id, role=Role.RATER)
        .exclude(state=MembershipState.INVITED)
        .select_related("study")
        .only(
            "code",
            "role",
            "state",
            "welcomed_at",
            "study__name",
            "study__state",
            "study__is_synthetic",
            "study__grade_regions",
            "study__welcome",
        )
        .first()
    )


def why_not_open(membership: Membership) -> Refusal | None:
    """What keeps the rater from working now; None when nothing does."""
    if membership.state != MembershipState.ACTIVE:
        return WITHDRAWN
    return _BY_STATE.get(StudyState(membership.study.state))


def scale(membership: Membership) -> list[Level]:
    """The study's levels in order."""
    return list(Level.objects.filter(study_id=membership.study_id).order_by("order"))


@transaction.atomic
def window(membership: Membership, size: int) -> Window:
    """The rater's next unanswered images; from now on they keep their place.

    Raises NotOpen.
    """
    # The lock makes a shuffling of unreleased images wait, or waits for it, so that the new order is read.
    held = rater_rows.locked(membership.pk)
    size = max(1, min(size, MOST_ITEMS))
    coming = rater_rows.window(membership.pk, size, AHEAD)
    held.study.state = coming.state
    check_open(held)  # or nothing was sent
    read_ahead(coming.paths)
    # Where the window holds all that is left, it knows better than the number of what was answered on the page.
    is_all = len(coming.tokens) < size
    return Window(coming.tokens, coming.total - len(coming.tokens) if is_all else coming.shown, coming.total)


def picture(path: str, token: str) -> bytes:
    """What a browser is sent for a token whose picture lies there.

    Behind the JPEG's end, where no viewer looks, come bytes that are this token's own, so that neither size nor digest
    of what is sent tells whether two raters, or the same one twice, were shown the same picture.
    """
    shown = file_store.read(path)
    return shown + _padding(token, len(shown))


def _padding(token: str, size: int) -> bytes:
    """Bytes that only the site can work out; they don't compress, so that no proxy takes them off again."""
    key = hmac.digest(settings.SECRET_KEY.encode(), f"padding {token}".encode(), hashlib.sha256)
    length = 1 + int.from_bytes(key[:8], "big") % max(LEAST_PADDING, size // 4)
    return hashlib.shake_128(key).digest(length)


def reasons() -> list[tuple[str, str]]:
    """The flags that a rater can choose of an image that they see: code and words."""
    apart = {Flag.NONE, Flag.UNSEEN, Flag.MISSING}
    return [(flag.value, str(flag.label)) for flag in Flag if flag not in apart]


def check_open(membership: Membership) -> None:
    """Raises NotOpen."""
    refusal = why_not_open(membership)
    if refusal is not None:
        raise NotOpen(refusal)


def items_of(membership: Membership) -> QuerySet[Assignment]:
    """The images that are the rater's to grade."""
    return Assignment.objects.filter(membership=membership, revoked_at__isnull=True, rendition__isnull=False)


def has_unanswered(membership: Membership) -> bool:
    """Whether images wait for the rater's grade."""
    return _unanswered_items(membership).exists()


def _unanswered_items(membership: Membership) -> QuerySet[Assignment]:
    """The rater's next images: `shown_seq` is set with the first answer, and indexed; a label alone counts too."""
    labels = Label.objects.filter(assignment=OuterRef("pk"), region=Region.FACE)
    return items_of(membership).filter(~Exists(labels), shown_seq__isnull=True).order_by("sort_key")
