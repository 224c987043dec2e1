"""Who counts in a study's panel, and why.

A rater counts who answered at least 90 % of the golden items; a flag is an answer. So a newcomer's first grade changes
no figure. A study without golden items takes, instead of them, the images that at least two raters answered. The lead
may override it for a rater, with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from grading.grades import GradeTable
from grading.models import ConsensusVersion
from labeler.models import Study

SHARE_NEEDED: Final = 0.9


@dataclass(frozen=True, slots=True)
class Override:
    """The lead's word on one rater, against the rule."""

    counts: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Seat:
    """One rater and the panel: `answered` of the `of` images that decide, and what follows.

    overridden: the lead decided against the rule or beside it; `reason` is theirs.
    """

    membership: int
    code: str
    name: str
    answered: int
    of: int
    counts: bool
    why: str
    overridden: bool = False
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a consensus version keeps it: without the name."""
        fields = asdict(self)
        del fields["name"]
        return fields


def deciding_images(table: GradeTable) -> frozenset[int]:
    """The images whose answers decide who counts: the golden ones or, without any, those that two raters answered."""
    if table.golden:
        return table.golden
    shared = np.flatnonzero(table.answered.sum(axis=1) >= 2)
    return frozenset(table.images[at] for at in shared.tolist())


def seats(table: GradeTable, overrides: Mapping[int, Override]) -> tuple[Seat, ...]:
    """Every rater of the study, in the order of the table. overrides: by membership."""
    deciding = deciding_images(table)
    answered = table.answered[table.rows(sorted(deciding))].sum(axis=0)
    what = "golden images" if table.golden else "shared images"
    found = []
    for rater, count in zip(table.raters, answered.tolist(), strict=True):
        enough = count > 0 and count >= SHARE_NEEDED * len(deciding)
        override = overrides.get(rater.membership)
        why = f"answered {count} of {len(deciding)} {what}"
        if override is not None:
            why += f"; {'included' if override.counts else 'left out'} by the lead: {override.reason}"
        found.append(
            Seat(
                membership=rater.membership,
                code=rater.code,
                name=rater.name,
                answered=count,
                of=len(deciding),
                counts=enough if override is None else override.counts,
                why=why,
                overridden=override is not None,
                reason=override.reason if override else "",
            )
        )
    return tuple(found)


def overrides_of(study: Study) -> dict[int, Override]:
    """The lead's overrides in force: those that the study's newest consensus version carries, by membership."""
    panel = ConsensusVersion.objects.filter(study=study).order_by("-pk").values_list("panel", flat=True).first()
    return {seat["membership"]: Override(seat["counts"], seat["reason"]) for seat in panel or [] if seat["overridden"]}
