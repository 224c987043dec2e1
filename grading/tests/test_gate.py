"""What passes, in figures and in words."""

import pytest
from django.utils import timezone

from grading.gate import Gate, verdict
from grading.run_report import confusion_rows
from grading.stages import STAGES, steps


def gate(bar: float) -> Gate:
    return Gate("worst rater", "R03", bar, 60, timezone.now())


def test_a_model_passes_below_the_bar_only() -> None:
    assert gate(0.517).passed_by(0.516)
    assert not gate(0.517).passed_by(0.517)
    assert not gate(0.517).passed_by(None)


def test_a_gate_survives_being_kept_as_json() -> None:
    assert Gate.from_json(gate(0.5).to_json()).bar == 0.5


@pytest.mark.parametrize(
    ("rmse", "bar", "said"),
    [
        (0.48, 0.517, "Passes: 0.480 is better than the worst rater's 0.517 (R03)."),
        (0.66, 0.349, "Does not pass: 0.660 is no better than the worst rater's 0.349 (R03)."),
        (0.51692, 0.51703, "Passes: 0.5169 is better than the worst rater's 0.5170 (R03)."),
        (None, 0.5, "Not judged: no golden image was graded by the whole panel."),
    ],
)
def test_the_verdict_shows_which_is_smaller(rmse: float | None, bar: float, said: str) -> None:
    assert verdict(rmse, bar, "R03") == said


def test_heat_is_the_share_of_the_row_and_only_nothing_is_cold() -> None:
    (first, second) = confusion_rows(["a", "b"], [[99, 1], [0, 0]])
    assert [(cell.count, cell.heat, cell.agrees) for cell in first.cells] == [(99, 5, True), (1, 1, False)]
    assert [cell.heat for cell in second.cells] == [0, 0] and (first.total, second.total) == (100, 0)


def test_steps_follow_the_jobs_progress() -> None:
    assert {step.state for step in steps(0, 0)} == {"later"}
    assert [step.state for step in steps(3000, 10_000)] == ["done", "now", "later", "later", "later"]
    assert [step.state for step in steps(10_000, 10_000)] == ["done"] * 5
    assert (steps(0, 0)[0].begins, steps(0, 0)[-1].ends, len(STAGES)) == (0, 100, 5)
