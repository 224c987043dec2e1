"""`python -m bench NAME [--quick]`: run one benchmark; the last line printed is its result as one JSON object.

Exit status 0 when every bar holds, 1 when one does not, 2 for a name that isn't there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
from pathlib import Path

import bench
from bench.bars import Bar

_FRAME = {"__main__", "bars", "place", "plans", "site"}


def names() -> list[str]:
    """Every module in this package with a `run(quick) -> list[Bar]`."""
    found = (module.name for module in pkgutil.iter_modules(bench.__path__) if not module.ispkg)
    return sorted(name for name in found if name not in _FRAME and not name.startswith("_"))


def machine() -> dict[str, object]:
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        cpu = models[0] if models else cpu
    return {"cpu": cpu, "cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()}


def result(name: str, bars: list[Bar]) -> dict[str, object]:
    return {
        "bench": name,
        "holds": bool(bars) and all(bar.holds for bar in bars),
        "bars": [bar.as_json() for bar in bars],
        "machine": machine(),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("name", choices=names())
    parser.add_argument("--quick", action="store_true", help="a smaller load: to see that it works, not to quote")
    options = parser.parse_args(arguments)
    bars: list[Bar] = importlib.import_module(f"bench.{options.name}").run(options.quick)
    for bar in bars:
        print(f"{'holds' if bar.holds else 'FAILS':5}  {bar.name}: {bar.value:.4g} {bar.unit} (asked: {bar.bar})")
    outcome = result(options.name, bars)
    print(json.dumps(outcome))
    return 0 if outcome["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
