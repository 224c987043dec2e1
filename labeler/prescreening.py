"""Which pictures are not shown to raters: judged by the study's thresholds, and by its lead, who has the last word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import transaction

from accounts.audit import Actor
from labeler.models import Study
from labeler.thresholds import Failure, Rule, Thresholds, judge

__all__ = ["Failure", "Rule", "Screened", "Thresholds", "judge", "overrule", "screen", "set_thresholds"]


@dataclass(frozen=True, slots=True)
class Screened:
    """What a judging found. by_rule: how many fail each rule; changed: how many were rejected anew or taken back."""

    judged: int
    by_rule: Mapping[str, int]
    changed: int

    @property
    def rejected(self) -> int:
        return sum(self.by_rule.values())


@transaction.atomic
def screen(study: Study, *, actor: Actor) -> Screened:
    """Judge every picture anew from its stored figures.

    Leaves alone what the lead decided by hand, and in a study that runs what was dealt. One audit record of the counts.
    """
    raise NotImplementedError


@transaction.atomic
def set_thresholds(study: Study, thresholds: Thresholds, *, actor: Actor) -> Screened:
    """Change the study's thresholds and judge every picture by them."""
    raise NotImplementedError


@transaction.atomic
def overrule(study: Study, images: Collection[int], keep: bool, reason: str, *, actor: Actor) -> int:
    """Keep pictures nevertheless, or reject them by hand; returns how many changed. Raises ValidationError."""
    raise NotImplementedError
