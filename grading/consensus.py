"""What the panel says, and how well its raters agree: live for pages, frozen as a version for training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from grading.grades import GradeTable, load_grades
from grading.models import Consensus, ConsensusVersion, Scope
from grading.panel import Override, Seat, overrides_of, seats
from labeler.models import Membership, Role, Study
from mlcore.agreement import PanelAgreement, rmse_to_panel
from mlcore.consensus import ImageConsensus, consensus

METHOD = "mean"


@dataclass(frozen=True, slots=True)
class PanelFigures:
    """The panel's consensus and agreement at one moment.

    images, values: the images of the scope and the panel's consensus on each, None where none of them graded it.
    complete: of `images`, those that every rater of the panel graded. agreement: of the panel's raters, in the order
    of `panel`.
    """

    scope: Scope
    table: GradeTable
    seats: tuple[Seat, ...]
    images: tuple[int, ...]
    values: tuple[ImageConsensus | None, ...]
    complete: frozenset[int]
    agreement: PanelAgreement

    @property
    def panel(self) -> tuple[Seat, ...]:
        return tuple(seat for seat in self.seats if seat.counts)

    @property
    def truth(self) -> dict[int, ImageConsensus]:
        """The consensus of each image that has one."""
        return {image: value for image, value in zip(self.images, self.values, strict=True) if value is not None}


def default_scope(table: GradeTable) -> Scope:
    return Scope.GOLDEN if table.golden else Scope.ALL


def panel_figures(study: Study, scope: Scope | None = None) -> PanelFigures:
    """The figures as they stand; nothing is written. Without a scope: the golden set, if the study has one."""
    table = load_grades(study)
    return figures_of(table, seats(table, overrides_of(study)), scope or default_scope(table))


def figures_of(table: GradeTable, found: tuple[Seat, ...], scope: Scope) -> PanelFigures:
    """The figures of a table of grades for a given panel.

    The scope "all" means the images that at least two of the panel graded (or its only rater did): only there is
    something to agree on.
    """
    columns = table.columns(seat.membership for seat in found if seat.counts)
    grades = table.grades[:, columns]
    given = (~np.isnan(grades)).sum(axis=1)
    if scope == Scope.GOLDEN:
        wanted = np.array([image in table.golden for image in table.images], dtype=np.bool_)
    else:
        wanted = given >= max(1, min(2, len(columns)))
    rows = np.flatnonzero(wanted)
    images = tuple(table.images[at] for at in rows.tolist())
    whole = rows[given[rows] == len(columns)] if columns else rows[:0]
    return PanelFigures(
        scope=scope,
        table=table,
        seats=found,
        images=images,
        values=consensus(grades[rows]),
        complete=frozenset(table.images[at] for at in whole.tolist()),
        agreement=rmse_to_panel(grades[rows]),
    )


@transaction.atomic
def freeze_figures(study: Study, figures: PanelFigures, actor: Actor) -> ConsensusVersion:
    """Write these figures as a new version."""
    version = ConsensusVersion.objects.create(
        study=study,
        method=METHOD,
        scope=figures.scope,
        panel=[seat.to_json() for seat in figures.seats],
        golden=sorted(figures.table.golden),
    )
    Consensus.objects.bulk_create(
        (
            Consensus(version=version, image_id=image, value=one.value, n=one.n, spread=one.spread)
            for image, one in figures.truth.items()
        ),
        batch_size=2000,
    )
    after = {"scope": figures.scope, "panel": [seat.code for seat in figures.panel], "images": len(figures.truth)}
    audit.record(actor, "consensus.frozen", version, study_id=study.pk, after=after)
    return version


@transaction.atomic
def override_seat(
    study: Study, membership: Membership, counts: bool | None, reason: str, actor: Actor
) -> ConsensusVersion:
    """Take a rater into the panel or out of it against the rule; `counts` None lets the rule decide again.

    The decision stands in the consensus version that this freezes, and goes over to later ones. Raises
    ValidationError for a rater of another study, or for an override without a reason.
    """
    if membership.study_id != study.pk or membership.role != Role.RATER:
        raise ValidationError("This is not a rater of the study.")
    if counts is not None and not reason.strip():
        raise ValidationError("Say why the rule should not decide here.")
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)  # two overrides at once must not lose one
    before = overrides_of(study)
    after = _changed(before, membership.pk, None if counts is None else Override(counts, reason.strip()))
    table = load_grades(study)
    version = freeze_figures(study, figures_of(table, seats(table, after), default_scope(table)), actor)
    audit.record(
        actor,
        "panel.overridden",
        membership,
        study_id=study.pk,
        before={"counts": before[membership.pk].counts if membership.pk in before else None},
        after={"counts": counts, "reason": reason.strip()},
    )
    return version


def _changed(overrides: Mapping[int, Override], membership: int, override: Override | None) -> dict[int, Override]:
    kept = {key: value for key, value in overrides.items() if key != membership}
    return kept if override is None else {**kept, membership: override}
