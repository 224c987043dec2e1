"""The gate of a run: the worst rater's RMSE, declared before the look at the golden set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from grading.datasets import Manifest

WORST_RATER: Final = "worst rater"


@dataclass(frozen=True, slots=True)
class Gate:
    """bar: the RMSE that a model has to be below; that of `rater` (a code), on `images` complete golden images."""

    kind: str
    rater: str
    bar: float
    images: int
    declared_at: datetime

    def passed_by(self, rmse: float | None) -> bool:
        return rmse is not None and rmse < self.bar

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "declared_at": self.declared_at.isoformat()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Gate:
        return cls(**{**fields, "declared_at": datetime.fromisoformat(fields["declared_at"])})


def declare_gate(manifest: Manifest) -> Gate:
    """The worst of the panel's raters, by their RMSE as published, is what a model has to beat."""
    worst = max(manifest.raters, key=lambda rater: rater.rmse)
    complete = sum(image.complete for image in manifest.golden)
    return Gate(WORST_RATER, worst.code, worst.rmse, complete, timezone.now())


def verdict(rmse: float | None, bar: float, rater: str) -> str:
    """The outcome in words, with as many digits as it takes to see which of the two is smaller."""
    if rmse is None:
        return "Not judged: no golden image was graded by the whole panel."
    digits = next((count for count in (3, 4, 5) if f"{rmse:.{count}f}" != f"{bar:.{count}f}"), 9)
    model, worst = f"{rmse:.{digits}f}", f"{bar:.{digits}f}"
    if rmse < bar:
        return f"Passes: {model} is better than the worst rater's {worst} ({rater})."
    return f"Does not pass: {model} is no better than the worst rater's {worst} ({rater})."
