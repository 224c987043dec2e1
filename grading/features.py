"""The features of a run's pictures: read from the store, computed where they are missing.

Imports dlib, so only workers import it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from jobs.running import seldom
from mlcore.extractor import Extractor
from mlcore.feature_store import FeatureStore, Stored
from mlcore.features import ensure

# done, total
Report = Callable[[int, int], None]
UNROLLED: Final = (0,)


def stored_features(
    pictures: Mapping[str, Path | None],
    extractor: Extractor,
    store: FeatureStore,
    report: Report,
    offsets: Mapping[str, Sequence[int]] | None = None,
) -> dict[str, Stored]:
    """The record of every picture, with the features of its patches at its `offsets` (unrolled where none are given).

    pictures: file by sha256, None where the picture was erased. report may raise to stop; what was computed until then
    is kept.
    """
    wanted = offsets or {}
    found: dict[str, Stored] = {}
    tell = seldom(report)
    for at, (sha256, path) in enumerate(sorted(pictures.items())):
        tell(at, len(pictures))
        found[sha256] = _record(sha256, path, extractor, store, wanted.get(sha256, UNROLLED))
    tell(len(pictures), len(pictures))
    return found


def _record(
    sha256: str, path: Path | None, extractor: Extractor, store: FeatureStore, offsets: Sequence[int]
) -> Stored:
    if path is None:
        return Stored.refusal("erased", "The picture was erased.")
    try:
        return ensure(store, extractor, sha256, path.read_bytes, offsets)
    except FileNotFoundError:
        return Stored.refusal("missing", "The picture's file is missing.")
