"""Verifying the commitments of a large study as a job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from accounts.audit import Actor
from jobs import lifecycle
from jobs.models import Job
from jobs.running import JobFailed, Progress
from labeler.models import Study
from labeler.verification import verify

VERIFY: Final = "labeler.verify_commitment"
_MOST_TOLD = 50


def enqueue(study: Study, *, actor: Actor) -> Job:
    """Have a worker verify. Raises jobs.lifecycle.AlreadyActive."""
    return lifecycle.enqueue(VERIFY, actor=actor, study_id=study.pk, dedup_key=f"verify study {study.pk}")


def work(progress: Progress) -> Mapping[str, Any]:
    """What a job of kind VERIFY does; its result says whether all holds, and what does not."""
    if progress.job.study_id is None:
        raise JobFailed("The job names no study.")
    study = Study.objects.get(pk=progress.job.study_id)
    progress.report(0, 1, "Recomputing")
    found = verify(study)
    return {"holds": found.holds, "commitments": len(found.commitments), "problems": found.all_problems[:_MOST_TOLD]}
