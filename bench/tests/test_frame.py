"""A benchmark's verdict follows from its figures, and a slow yardstick fails it."""

from __future__ import annotations

import importlib
import json
from types import SimpleNamespace

import pytest

from bench import __main__ as frame
from bench.bars import Bar, above, at_least, at_most, below, within, yardstick


@pytest.mark.parametrize(
    ("bar", "holds"),
    [
        (at_least("speed", 10, 10), True),
        (at_least("speed", 9.99, 10), False),
        (above("speed", 10, 10), False),
        (at_most("time", 10, 10), True),
        (below("time", 10, 10), False),
        (within("spread", 0.75, 0.73, 0.03), True),
        (within("spread", 0.69, 0.73, 0.03), False),
        (at_most("time", float("nan"), 10), False),
        (at_least("speed", float("inf"), 10), False),
    ],
)
def test_a_bar_holds_by_its_value_alone(bar: Bar, holds: bool) -> None:
    assert bar.holds is holds


def test_a_yardstick_may_be_a_quarter_slower_than_expected_and_no_more() -> None:
    assert yardstick("reference", 75, 100, "images/s").holds
    assert not yardstick("reference", 74, 100, "images/s").holds


@pytest.mark.parametrize(("value", "status"), [(1.0, 0), (0.0, 1)])
def test_the_last_line_is_one_json_object_and_the_status_tells_whether_all_holds(
    value: float, status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = SimpleNamespace(run=lambda quick: [at_least("always", 2, 1), at_least("this time", value, 1, "things")])
    monkeypatch.setattr(importlib, "import_module", lambda name: made)
    assert frame.main(["cohort", "--quick"]) == status
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result.keys() == {"bench", "holds", "bars", "machine"}
    assert (result["bench"], result["holds"]) == ("cohort", status == 0)
    assert result["bars"][1] == {
        "name": "this time",
        "value": value,
        "unit": "things",
        "bar": "≥ 1",
        "holds": status == 0,
    }


def test_no_bars_hold_nothing() -> None:
    assert frame.result("empty", [])["holds"] is False


def test_every_benchmark_has_a_run() -> None:
    assert {"cohort", "newcomer"} <= set(frame.names())
    for name in frame.names():
        assert callable(importlib.import_module(f"bench.{name}").run)
