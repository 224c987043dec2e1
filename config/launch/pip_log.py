"""What pip's output says: how far it is, and why it failed."""

import re
from dataclasses import dataclass

_SIZED = re.compile(
    r"^\s*(?:Downloading|Using cached|Processing) (?P<file>\S+)(?: \((?P<size>[\d.]+) (?P<unit>[kMG]B)\))?",
    re.MULTILINE,
)
_UNITS = {"kB": 0.001, "MB": 1.0, "GB": 1000.0}
_UNREACHABLE = re.compile(
    r"NewConnectionError|NameResolutionError|Max retries exceeded|name resolution|Network is unreachable"
    r"|Connection refused|ConnectTimeout|Read timed out|ReadTimeout|ProxyError|SSLError|Connection reset"
    r"|connection broken",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Progress:
    """How far an installation is: percent from 0 to 99, and what it is at."""

    percent: int
    doing: str


def read_progress(output: str, downloaded: float) -> Progress:
    """Judge pip's output so far; `downloaded` is how many megabytes its temporary folder holds.

    pip names each package when it has chosen it, then each file with its size when it begins to fetch it, so the total
    is known for what has been named and guessed for the rest.
    """
    if "Installing collected packages" in output:
        return Progress(88, "unpacking")
    packing = re.findall(r"^\s*Building wheel for (\S+)", output, re.MULTILINE)
    if packing:
        return Progress(84, f"packing {packing[-1]}")
    chosen = {name.lower() for name in re.findall(r"^\s*Collecting ([A-Za-z0-9_.-]+)", output, re.MULTILINE)}
    sizes: dict[str, float] = {}
    last = ""
    for found in _SIZED.finditer(output):
        if not found["file"].endswith(".metadata"):
            last = found["file"].rsplit("/", 1)[-1]
            sizes[_package(last)] = float(found["size"] or 0) * _UNITS[found["unit"] or "MB"]
    unseen = [name for name in chosen if name.replace("_", "-") not in sizes]
    total = sum(sizes.values()) + sum(_guess(name) for name in unseen)
    share = min(1.0, downloaded / total) if total else 0.0
    doing = f"fetching {_package(last)}" if last else "choosing packages"
    return Progress(2 + int(80 * share), doing)


def failure(output: str) -> str:
    """Why pip failed, in one line."""
    if "No space left on device" in output or "Errno 28" in output:
        return "the disk is full: make room and start again"
    if _UNREACHABLE.search(output):
        return "the package registry can't be reached: check the network, or pip's index and proxy settings"
    missing = re.search(r"No matching distribution found for (\S+)", output)
    if missing:
        known = "there are some for Python 3.11 to 3.13 on Linux and macOS, Intel and ARM"
        return f"no ready-made package {missing[1]} for this platform and Python ({known})"
    if "Permission denied" in output:
        return "this user may not write into the virtual environment: remove .venv, or run as who made it"
    lines = (
        [line for line in output.splitlines() if line.startswith("ERROR")]
        or output.strip().splitlines()
        or ["no reason given"]
    )
    return lines[-1].removeprefix("ERROR: ")


def _package(file: str) -> str:
    return file.split("-", 1)[0].lower().replace("_", "-")


def _guess(name: str) -> float:
    """Megabytes of a package that pip has named but not yet sized."""
    if name.startswith(("nvidia", "triton", "cuda")):
        return 150.0
    return 200.0 if name == "torch" else 2.0
