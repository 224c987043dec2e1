"""A benchmark's bars: what was measured, what is asked, and whether it holds, computed from the value alone."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One measured figure against what is asked of it. `bar` reads like "≥ 10"."""

    name: str
    value: float
    unit: str
    bar: str
    holds: bool

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def _bar(name: str, value: float, limit: float, unit: str, sign: str, holds: Callable[[float, float], bool]) -> Bar:
    # A figure that is no number holds nothing.
    return Bar(name, float(value), unit, f"{sign} {limit:g}", math.isfinite(value) and bool(holds(value, limit)))


def at_least(name: str, value: float, limit: float, unit: str = "") -> Bar:
    return _bar(name, value, limit, unit, "≥", operator.ge)


def above(name: str, value: float, limit: float, unit: str = "") -> Bar:
    return _bar(name, value, limit, unit, ">", operator.gt)


def at_most(name: str, value: float, limit: float, unit: str = "") -> Bar:
    return _bar(name, value, limit, unit, "≤", operator.le)


def below(name: str, value: float, limit: float, unit: str = "") -> Bar:
    return _bar(name, value, limit, unit, "<", operator.lt)


def within(name: str, value: float, target: float, tolerance: float, unit: str = "") -> Bar:
    """`value` is at most `tolerance` from `target`."""
    holds = math.isfinite(value) and abs(value - target) <= tolerance
    return Bar(name, float(value), unit, f"{target:g} ± {tolerance:g}", holds)


def yardstick(name: str, measured: float, expected: float, unit: str) -> Bar:
    """A yardstick's own speed (higher is faster): more than 25 % below what is expected of it fails the bench.

    So that no bar is won by a slow yardstick.
    """
    return at_least(f"yardstick: {name}", measured, 0.75 * expected, unit)


def reported(name: str, value: float, unit: str = "") -> Bar:
    """A figure of which nothing is asked; it stands beside the others. It must be a number all the same."""
    return Bar(name, float(value), unit, "reported", math.isfinite(value))
