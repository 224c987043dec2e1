"""The stages of a run, in order, and each one's share of its progress bar."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jobs.running import Progress


class Stage(StrEnum):
    FREEZE = "Freezing consensus and data set"
    FEATURES = "Finding skin patches and measuring them"
    ROLLS = "Rolling patches"
    TRAIN = "Training"
    EVALUATE = "Judging on the golden set"


# In hundredths, as it takes on a first run; later runs find their features stored.
_SHARES: Final = {Stage.FREEZE: 2, Stage.FEATURES: 58, Stage.ROLLS: 15, Stage.TRAIN: 20, Stage.EVALUATE: 5}
STAGES: Final = tuple(Stage)


@dataclass(frozen=True, slots=True)
class StageProgress:
    """Reports one stage's progress as a part of the whole run's."""

    progress: Progress
    stage: Stage

    def report(self, done: int, total: int, detail: str = "") -> None:
        """Raises JobLost once the run was cancelled or taken up elsewhere."""
        before = sum(_SHARES[stage] for stage in STAGES[: STAGES.index(self.stage)])
        share = 100 * _SHARES[self.stage] * done // total if total else 0
        message = f"Step {STAGES.index(self.stage) + 1} of {len(STAGES)}: {self.stage}"
        self.progress.report(100 * before + share, 10_000, f"{message} · {detail}" if detail else message)

    def pictures(self, done: int, total: int) -> None:
        self.report(done, total, f"{done} of {total} pictures")


@dataclass(frozen=True, slots=True)
class Step:
    """A stage on a page: where it begins and ends in percent of the run, and whether it is "done", "now" or "later"."""

    stage: Stage
    begins: int
    ends: int
    state: str


def steps(done: int, total: int) -> tuple[Step, ...]:
    """Every stage, by how far a job's progress has come; all are "later" before it has begun."""
    reached = 100 * done / total if total else -1.0
    found, begins = [], 0
    for stage in STAGES:
        ends = begins + _SHARES[stage]
        state = "done" if reached >= ends else "now" if reached >= begins else "later"
        found.append(Step(stage, begins, ends, state))
        begins = ends
    return tuple(found)
