"""One step of the load: so many raters against a served application, and what it took."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.place import ROOT, Place
from bench.site import Served

UNBOUNDED = 10**9


@dataclass(frozen=True, slots=True)
class Step:
    """`milliseconds` of each label in turn; `spent` are seconds of processor by server, `own` the driver's."""

    raters: int
    milliseconds: np.ndarray
    requests: dict[str, np.ndarray]
    sizes: np.ndarray
    seconds: float
    spent: dict[str, float]
    own: float
    again: int
    keys: tuple[str, ...]
    warm: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Labels per second."""
        return len(self.milliseconds) / self.seconds

    @property
    def processor(self) -> float:
        """Milliseconds of processor of the site and PostgreSQL for a label."""
        return 1000 * (self.spent["site"] + self.spent["postgres"]) / len(self.milliseconds)

    def percentile(self, share: float) -> float:
        return float(np.percentile(self.milliseconds, share))

    def __str__(self) -> str:
        each = {name: 1000 * seconds / len(self.milliseconds) for name, seconds in self.spent.items()}
        times = " / ".join(f"{self.percentile(share):.1f}" for share in (50, 95, 99))
        parts = ", ".join(f"{name} {np.median(taken):.1f}" for name, taken in self.requests.items() if len(taken))
        return (
            f"{self.raters:3} raters: {self.rate:6.1f} labels/s; a label p50 / p95 / p99 {times} ms (median {parts}); "
            + f"processor {self.processor:.2f} ms a label ("
            + ", ".join(f"{name} {spent:.2f}" for name, spent in each.items())
            + f"), driver {1000 * self.own / len(self.milliseconds):.2f}; {len(self.milliseconds)} labels, "
            + f"images of {self.sizes.min() / 1000:.0f} to {self.sizes.max() / 1000:.0f} kB"
        )


def step(
    place: Place,
    served: Served,
    kind: str,
    raters: list[dict[str, Any]],
    seconds: float,
    seed: int,
    most: int = UNBOUNDED,
) -> Step:
    """These raters at full speed; none begins a label after `seconds`, or after `most` of them."""
    orders, result = place.layout.home / "orders.json", place.layout.home / "result.json"
    processes = {"site": served.process, **place.processes()}
    told = {"kind": kind, "port": served.port, "seconds": seconds, "most": most, "seed": seed}
    orders.write_text(json.dumps(told | {"raters": raters, "processes": processes}))
    subprocess.run([sys.executable, "-m", "bench.answers.driver", str(orders), str(result)], cwd=ROOT, check=True)
    found = json.loads(result.read_text())
    return Step(
        raters=len(raters),
        milliseconds=1000 * np.array(found["labels"]),
        requests={name: 1000 * np.array(found[name]) for name in ("window", "image", "submit")},
        sizes=np.array(found["sizes"]),
        seconds=found["seconds"],
        spent=found["spent"],
        own=found["own"],
        again=found["again"],
        keys=tuple(found["keys"]),
        warm=tuple(found["warm"]),
    )
