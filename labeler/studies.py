"""Making a study: its scale and its people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from labeler.commitments import CLOSED, commit
from labeler.models import Fold, Level, Membership, MembershipState, Role, Study, StudyState


@dataclass(frozen=True, slots=True)
class LevelSpec:
    """One level of a scale to be made; `key` defaults to the value where that is one digit."""

    value: float
    name: str
    description: str = ""
    key: str | None = None

    @property
    def effective_key(self) -> str:
        if self.key is not None:
            return self.key
        digit = f"{self.value:g}"
        return digit if len(digit) == 1 and digit.isdigit() else ""


PUBLISHED_SCALE = (
    LevelSpec(1, "Clear", "No inflammatory or non-inflammatory lesions."),
    LevelSpec(2, "Almost clear", "Rare comedones, with no more than a few small papules."),
    LevelSpec(3, "Mild", "Some comedones and some papules and pustules; no nodules."),
    LevelSpec(4, "Moderate", "Many comedones, papules and pustules; at most one small nodule."),
    LevelSpec(5, "Severe", "Covered with comedones, many papules and pustules, and some nodules."),
)


@transaction.atomic
def create_study(
    name: str,
    *,
    actor: Actor,
    lead: User | None,
    levels: Sequence[LevelSpec] = PUBLISHED_SCALE,
    seed: int | None = None,
    is_synthetic: bool = False,
    welcome: bool = False,
) -> Study:
    """Make a study in draft, with its scale and its first lead; `welcome` shows raters the scale before they begin.

    Raises ValidationError naming what is wrong with the name or the scale.
    """
    if not name.strip():
        raise ValidationError({"name": "A study needs a name."})
    if Study.objects.filter(name=name.strip()).exists():
        raise ValidationError({"name": f"There is a study called “{name.strip()}” already."})
    check_scale(levels)
    study = Study(name=name.strip(), is_synthetic=is_synthetic, welcome=welcome)
    if seed is not None:
        study.seed = seed
    study.save()
    Level.objects.bulk_create(
        Level(
            study=study,
            order=order,
            value=level.value,
            name=level.name,
            description=level.description,
            key=level.effective_key,
        )
        for order, level in enumerate(sorted(levels, key=lambda level: level.value))
    )
    after = {"name": study.name, "scale": [[level.value, level.name] for level in levels], "welcome": welcome}
    audit.record(actor, "study.created", study, study_id=study.pk, after=after)
    if lead is not None:
        add_member(study, Role.LEAD, user=lead, actor=actor)
    return study


def check_scale(levels: Sequence[LevelSpec]) -> None:
    """Raises ValidationError where levels make no scale."""
    if len(levels) < 2:
        raise ValidationError({"levels": "A scale needs at least two levels."})
    for what, values in (
        ("value", [f"{level.value:g}" for level in levels]),
        ("name", [level.name for level in levels]),
        ("key", [level.effective_key for level in levels if level.effective_key]),
    ):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ValidationError({"levels": f"Two levels have the same {what}: {', '.join(twice)}."})


@transaction.atomic
def add_member(
    study: Study,
    role: Role,
    *,
    actor: Actor,
    user: User | None = None,
    external_name: str = "",
    admitted_reason: str = "",
) -> Membership:
    """Add somebody in a role; codes count up: R01, R02, … and L01, L02, ….

    `admitted_reason` says why a rater may rate who has seen the golden set: `actor` admits them. Raises
    ValidationError when they have that role already.
    """
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)  # two additions at once must not take one code
    members = Membership.objects.filter(study=study, role=role)
    if user is not None and members.filter(user=user).exists():
        raise ValidationError({"user": f"{user.email} is a {role.label} of this study already."})
    letter = "R" if role == Role.RATER else "L"
    membership = Membership.objects.create(
        study=study,
        user=user,
        role=role,
        code=f"{letter}{members.count() + 1:02d}",
        external_name=external_name,
        state=MembershipState.ACTIVE,
        admitted_reason=admitted_reason,
        admitted_by=actor.user if admitted_reason else None,
    )
    after = {"code": membership.code, "role": role, "user": user.pk if user else None}
    admitted = {"admitted_reason": admitted_reason} if admitted_reason else {}
    audit.record(actor, "member.added", membership, study_id=study.pk, after=after | admitted)
    return membership


# How a study may go on. One whose grades were all made elsewhere never labels, and is closed from draft.
MOVES: Mapping[StudyState, frozenset[StudyState]] = {
    StudyState.DRAFT: frozenset({StudyState.LABELLING, StudyState.CLOSED}),
    StudyState.LABELLING: frozenset({StudyState.PAUSED, StudyState.CLOSED}),
    StudyState.PAUSED: frozenset({StudyState.LABELLING, StudyState.CLOSED}),
    StudyState.CLOSED: frozenset(),
}


@transaction.atomic
def set_state(study: Study, state: StudyState, *, actor: Actor) -> None:
    """Begin, pause, resume or close a study; nothing happens where it is in that state already.

    Closing takes no more grades, commits to the allocation a last time, and opens all commitments. Raises
    ValidationError for a move that there is not: a closed study stays closed.
    """
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    before = StudyState(locked.state)
    if before != state:
        _check_move(before, state)
        hold_raters(study)
        _move(locked, state)
        after = {"state": state}
        audit.record(actor, "study.state_changed", study, study_id=study.pk, before={"state": before}, after=after)
        if state == StudyState.CLOSED and Fold.objects.filter(study=study).exists():
            commit(study, CLOSED, actor=actor)
    study.state, study.started_at, study.closed_at = locked.state, locked.started_at, locked.closed_at


def hold_raters(study: Study) -> None:
    """Let every rater's requests end, or wait, until the transaction ends. The study must be held: it comes first.

    A rater's request holds their membership and then changes images; so does this, in one order.
    """
    raters = Membership.objects.filter(study=study, role=Role.RATER).order_by("pk")
    list(raters.select_for_update(no_key=True).values_list("pk"))


def _check_move(before: StudyState, state: StudyState) -> None:
    if before == StudyState.CLOSED:
        raise ValidationError("A closed study stays closed.")
    if state not in MOVES[before]:
        raise ValidationError(f"A study that is {before.label} can’t be {state.label}.")


def _move(study: Study, state: StudyState) -> None:
    study.state = state
    if state == StudyState.LABELLING and study.started_at is None:
        study.started_at = timezone.now()
    if state == StudyState.CLOSED:
        study.closed_at = timezone.now()
    study.save(update_fields=["state", "started_at", "closed_at"])
