"""What a lead may change about a study besides its scale, and what a queue costs the raters."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from labeler.models import Image, Membership, MembershipState, Role, Study, StudyState, usable_images
from labeler.planning import repeat_gap, repeats_in

MAX_NAME: Final = 120
MAX_OVERLAP: Final = 50
MAX_REPEAT_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Settings:
    """To how many raters each training image goes, which share of a queue is shown again (0 to 0.5), and what is asked.

    `grade_regions`: a grade each for forehead, cheeks and chin beside the whole face's. `welcome`: the scale, and
    practice where there is any, come before a rater's first image.
    """

    name: str
    overlap: int
    repeat_share: float
    grade_regions: bool = False
    welcome: bool = False

    @classmethod
    def of(cls, study: Study) -> Settings:
        return cls(study.name, study.overlap, study.repeat_share, study.grade_regions, study.welcome)


@dataclass(frozen=True, slots=True)
class Supply:
    """What there would be to deal now, counted: chosen golden images and those still to be drawn together."""

    training: int
    golden: int
    raters: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What one choice of overlap and repeats asks of each rater; fold sizes differ by no more than one cluster."""

    overlap: int
    repeat_share: float
    fold: int
    golden: int
    again: int
    gap: int

    @property
    def queue(self) -> int:
        return self.fold + self.golden + self.again

    @property
    def percent(self) -> str:
        return f"{100 * self.repeat_share:g}"


@transaction.atomic
def change_settings(study: Study, settings: Settings, *, actor: Actor) -> bool:
    """Rename a study, or plan its overlap and repeats. Returns whether anything changed.

    Raises ValidationError by field: for a name that is taken, and for a plan that is out of range or fixed, as it is
    once labelling began.
    """
    study.refresh_from_db(from_queryset=Study.objects.select_for_update(no_key=True))
    before, name = Settings.of(study), settings.name.strip()
    after = replace(settings, name=name, repeat_share=round(settings.repeat_share, 4))
    if errors := _problems(study, before, after):
        raise ValidationError(errors)
    if before == after:
        return False
    old, new = asdict(before), asdict(after)
    changed = [field for field in new if old[field] != new[field]]
    for field in changed:
        setattr(study, field, new[field])
    study.save(update_fields=changed)
    audit.record(
        actor,
        "study.settings_changed",
        study,
        study_id=study.pk,
        before={field: old[field] for field in changed},
        after={field: new[field] for field in changed},
    )
    return True


def _problems(study: Study, before: Settings, after: Settings) -> dict[str, str]:
    errors = {}
    if not after.name:
        errors["name"] = "A study needs a name."
    elif len(after.name) > MAX_NAME:
        errors["name"] = f"The name is longer than {MAX_NAME} characters."
    elif Study.objects.filter(name=after.name).exclude(pk=study.pk).exists():
        errors["name"] = f"There is a study called “{after.name}” already."
    if not 1 <= after.overlap <= MAX_OVERLAP:
        errors["overlap"] = f"Each image goes to 1 to {MAX_OVERLAP} raters."
    if not 0 <= after.repeat_share <= MAX_REPEAT_SHARE:
        errors["repeat_share"] = f"Between 0 and {MAX_REPEAT_SHARE:.0%} can be shown again."
    if study.state != StudyState.DRAFT:
        fixed = "It is fixed since labelling began."
        errors |= {
            field: fixed
            for field in ("overlap", "repeat_share", "grade_regions")
            if getattr(before, field) != getattr(after, field)
        }
    return errors


def supply_of(study: Study) -> Supply:
    usable = Image.objects.filter(usable_images(), study=study)
    images = usable.filter(golden_item__isnull=True).count()
    chosen = usable.filter(golden_item__isnull=False, golden_item__withdrawn_at__isnull=True).count()
    drawn = min(study.golden_draw_size, images) if study.state == StudyState.DRAFT else 0
    raters = Membership.objects.filter(
        study=study, role=Role.RATER, state=MembershipState.ACTIVE, user__isnull=False
    ).count()
    return Supply(training=images - drawn, golden=chosen + drawn, raters=raters)


def cost(there: Supply, overlap: int, repeat_share: float) -> Cost:
    """What it asks of each of at least one rater."""
    fold = -(-there.training * min(overlap, there.raters) // there.raters)
    seen = fold + there.golden
    return Cost(
        overlap, repeat_share, fold, there.golden, repeats_in(seen, repeat_share), repeat_gap(seen, repeat_share)
    )


def costs(study: Study, there: Supply) -> list[Cost]:
    """The study's own plan, and while it can be changed, others: one to three raters an image, 0 or 5 % shown again."""
    if not there.raters:
        return []
    plans = {(study.overlap, study.repeat_share)}
    if study.state == StudyState.DRAFT:
        plans |= {(overlap, share) for overlap in range(1, min(3, there.raters) + 1) for share in (0.0, 0.05)}
    return [cost(there, overlap, share) for overlap, share in sorted(plans)]
