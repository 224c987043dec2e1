"""The features of a run's pictures: read from the store, computed where they are missing.

Imports dlib, so only workers import it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from mlcore.extractor import Extractor
from mlcore.feature_store import CODE_VERSION, FeatureStore, Stored
from mlcore.images import ImageRejected, decode
from mlcore.records import Located, Pixels, Route

# done, total
Report = Callable[[int, int], None]
_REPORT_SECONDS: Final = 0.5


def located_features(
    pictures: Mapping[str, Path | None], extractor: Extractor, store: FeatureStore, report: Report
) -> dict[str, Stored]:
    """The record of every picture, with the features of its patches as they are (unrolled).

    pictures: file by sha256, None where the picture was erased. What an older version of the code refused is tried
    again. report may raise to stop; what was computed until then is kept.
    """
    found: dict[str, Stored] = {}
    tell = _seldom(report)
    for at, (sha256, path) in enumerate(sorted(pictures.items())):
        tell(at, len(pictures))
        stored = store.get(sha256)
        if stored is None or _outdated(stored) or stored.missing(_unrolled(stored)):
            stored = _compute(path, extractor)
            if path is not None:
                store.put(sha256, stored)
        found[sha256] = stored
    report(len(pictures), len(pictures))
    return found


def rolled_features(
    wanted: Mapping[str, tuple[int, ...]],
    found: Mapping[str, Stored],
    pictures: Mapping[str, Path | None],
    extractor: Extractor,
    store: FeatureStore,
    report: Report,
) -> dict[str, Stored]:
    """The records of `found`, with the features that are missing of every patch at its picture's wanted offsets."""
    complete = dict(found)
    tell = _seldom(report)
    for at, (sha256, offsets) in enumerate(sorted(wanted.items())):
        tell(at, len(wanted))
        stored, path = found[sha256], pictures[sha256]
        pairs = ((patch, offset) for patch in range(len(stored.located.patches)) for offset in offsets)
        missing = stored.missing(pairs)
        if missing and path is not None:
            added = extractor.embed_at(decode(path.read_bytes()), stored.located.patches, missing)
            complete[sha256] = stored.with_vectors(added)
            store.put(sha256, complete[sha256])
    report(len(wanted), len(wanted))
    return complete


def _compute(path: Path | None, extractor: Extractor) -> Stored:
    if path is None:
        return Stored.refusal("erased", "The picture was erased.")
    try:
        rgb = decode(path.read_bytes())
    except ImageRejected as error:
        return Stored.refusal(error.code, error.reason)
    except FileNotFoundError:
        return Stored.refusal("missing", "The picture's file is missing.")
    return _record(rgb, extractor.locate(rgb), extractor)


def _record(rgb: Pixels, located: Located, extractor: Extractor) -> Stored:
    height, width = rgb.shape[:2]
    return Stored(located, width, height, extractor.embed(rgb, located))


def _unrolled(stored: Stored) -> Iterable[tuple[int, int]]:
    return ((patch, 0) for patch in range(len(stored.located.patches)))


def _outdated(stored: Stored) -> bool:
    return stored.located.route is Route.REFUSED and stored.code_version != CODE_VERSION


def _seldom(report: Report) -> Report:
    """Report at most twice a second: each report is a row written."""
    last = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _REPORT_SECONDS:
            last = now
            report(done, total)

    return tell
