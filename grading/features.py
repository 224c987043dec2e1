"""The features of a run's pictures: read from the store, computed where they are missing.

Imports dlib, so only workers import it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from django.conf import settings

from jobs.running import seldom
from mlcore.extractor import Extractor
from mlcore.feature_store import FeatureStore, Stored
from mlcore.features import Shelf, Source, completed, stream

# By extractor id and sha256.
Features = Mapping[str, Mapping[str, Stored]]
# done, total
Report = Callable[[int, int], None]
ERASED = Stored.refusal("erased", "The picture was erased.")


def stored_features(
    pictures: Mapping[str, Path | None],
    extractors: Sequence[Extractor],
    offsets: Sequence[Mapping[str, Sequence[int]]],
    report: Report,
    known: Features | None = None,
) -> Features:
    """What each extractor sees in each picture, with the features of its patches at the offsets wanted of it.

    pictures: file by sha256, None where the picture was erased. offsets: for each extractor, by sha256. report may
    raise to stop; what was computed until then is kept. known: what an earlier call gave of these pictures; only those
    that lack something are looked at again.
    """
    here = {sha256: path for sha256, path in sorted(pictures.items()) if path is not None}
    root = settings.GOLDFOLD_HOME / "features"
    shelves = [Shelf(extractor, FeatureStore(root, extractor.config.id)) for extractor in extractors]
    sources = [
        Source(sha256, path.read_bytes, tuple(tuple(wanted[sha256]) for wanted in offsets))
        for sha256, path in here.items()
    ]
    if known is None:
        rows = list(stream(shelves, sources, seldom(report)))
    else:
        before = [tuple(known[shelf.extractor.config.id][sha256] for shelf in shelves) for sha256 in here]
        rows = completed(shelves, sources, before, seldom(report))
    erased = dict.fromkeys(pictures.keys() - here.keys(), ERASED)
    columns = zip(*rows, strict=True) if rows else [()] * len(shelves)
    return {
        shelf.extractor.config.id: {**dict(zip(here, column, strict=True)), **erased}
        for shelf, column in zip(shelves, columns, strict=True)
    }
