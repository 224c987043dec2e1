"""Making a study: its scale and its people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from labeler.models import Level, Membership, MembershipState, Role, Study, StudyState


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
) -> Study:
    """Make a study in draft, with its scale and its first lead.

    Raises ValidationError naming what is wrong with the name or the scale.
    """
    if not name.strip():
        raise ValidationError({"name": "A study needs a name."})
    if Study.objects.filter(name=name.strip()).exists():
        raise ValidationError({"name": f"There is a study called “{name.strip()}” already."})
    _check_scale(levels)
    study = Study(name=name.strip(), is_synthetic=is_synthetic)
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
    after = {"name": study.name, "scale": [[level.value, level.name] for level in levels]}
    audit.record(actor, "study.created", study, study_id=study.pk, after=after)
    if lead is not None:
        add_member(study, Role.LEAD, user=lead, actor=actor)
    return study


def _check_scale(levels: Sequence[LevelSpec]) -> None:
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
    study: Study, role: Role, *, actor: Actor, user: User | None = None, external_name: str = ""
) -> Membership:
    """Add somebody in a role; codes count up: R01, R02, … and L01, L02, ….

    Raises ValidationError when they have that role already.
    """
    Study.objects.select_for_update().get(pk=study.pk)  # two additions at once must not take one code
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
    )
    audit.record(
        actor,
        "member.added",
        membership,
        study_id=study.pk,
        after={"code": membership.code, "role": role, "user": user.pk if user else None},
    )
    return membership


@transaction.atomic
def set_state(study: Study, state: StudyState, *, actor: Actor) -> None:
    """Move a study between its states; a closed study stays closed."""
    locked = Study.objects.select_for_update().get(pk=study.pk)
    if locked.state == StudyState.CLOSED and state != StudyState.CLOSED:
        raise ValidationError("A closed study stays closed.")
    before = locked.state
    locked.state = state
    locked.save(update_fields=["state"])
    study.state = state
    audit.record(
        actor, "study.state_changed", study, study_id=study.pk, before={"state": before}, after={"state": state}
    )
