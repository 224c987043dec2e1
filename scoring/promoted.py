"""Which run answers. Imported by the site, so nothing heavy is in here."""

from __future__ import annotations

from grading.models import Promotion, TrainingRun
from grading.runs import current_promotion


def promoted_run(study_id: int) -> TrainingRun | None:
    """The run that scores this study's selfies now, with its study; None before the first promotion."""
    promotion = current_promotion(study_id)
    return promotion.run if promotion else None


def newest_promoted_run() -> TrainingRun | None:
    """The run that was promoted last in any study; None before the very first promotion."""
    promotion = Promotion.objects.select_related("run__study").order_by("-pk").first()
    return promotion.run if promotion else None
