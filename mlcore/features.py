"""Images' features: from the store where they are there, computed and stored where they are not.

`stream` is for many images: one thread reads, decodes, locates and cuts ahead, while the patches of several images go
through the backbone at once. What is held at a time does not grow with the number of images.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from mlcore.extractor import Extractor, Pair, Prepared, Squares
from mlcore.feature_store import CODE_VERSION, FeatureStore, Stored
from mlcore.images import ImageRejected, decode
from mlcore.records import Located, Pixels, Route

logger = logging.getLogger(__name__)

UNREADABLE: Final = ("unreadable", "The picture's file is missing or can't be read.")
FAILED: Final = ("failed", "Looking at this picture failed; the log says how.")
# Images that are prepared ahead, and inputs that go through the backbone together.
_AHEAD: Final = 16
_TOGETHER: Final = 64
# done, total; may raise to stop
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Shelf:
    """An extractor, and where its features are kept."""

    extractor: Extractor
    store: FeatureStore


@dataclass(frozen=True, slots=True)
class Source:
    """An image: its file is read, by `read`, only if something is missing.

    offsets: at which its patches are wanted (in twelfths), of each shelf.
    """

    sha256: str
    read: Callable[[], bytes]
    offsets: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class _Begun:
    """One image on its way: a record per shelf, and what that shelf's backbone is still to see."""

    source: Source
    records: tuple[Stored, ...]
    prepared: tuple[Prepared | None, ...]

    @property
    def inputs(self) -> int:
        return sum(len(one.pairs) for one in self.prepared if one is not None)


def stream(
    shelves: Sequence[Shelf], sources: Sequence[Source], report: Report | None = None
) -> Iterator[tuple[Stored, ...]]:
    """The records of each image, one for each shelf, in the order of the sources; a face is looked for once.

    A file that can't be read, or at which the code fails in a way that nobody foresaw (then it is logged), is a refusal
    that is not kept: one image stops no others. report is told before the first and after every image.
    What was computed until it raises, or until the caller stops, is kept.
    """
    done = 0
    if report is not None:
        report(0, len(sources))
    for group in _groups(shelves, sources):
        for records in _finish(shelves, group):
            done += 1
            if report is not None:
                report(done, len(sources))
            yield records


def completed(
    shelves: Sequence[Shelf],
    sources: Sequence[Source],
    records: Sequence[tuple[Stored, ...]],
    report: Report | None = None,
) -> list[tuple[Stored, ...]]:
    """The same images' records, with what is wanted of them now: only those that lack something are looked at again.

    sources, records: one for one, as `stream` took and gave them; report: as it takes it, of those that lack something.
    """
    lacking = [at for at, row in enumerate(records) if _lacks(shelves, sources[at], row)]
    grown = list(records)
    if not lacking:
        return grown
    for at, row in zip(lacking, stream(shelves, [sources[at] for at in lacking], report), strict=True):
        grown[at] = row
    return grown


def _groups(shelves: Sequence[Shelf], sources: Sequence[Source]) -> Iterator[list[_Begun]]:
    """Images prepared ahead by a thread, as many at a time as the backbone sees together.

    What lacks nothing is read here: handing it to the thread would take longer than reading it.
    """
    waiting = deque(sources)
    ahead: deque[_Begun | Future[_Begun]] = deque()
    group: list[_Begun] = []
    # One thread: a face finder is not to be shared.
    with ThreadPoolExecutor(1, thread_name_prefix="prepare") as pool:
        try:
            while waiting or ahead:
                while waiting and len(ahead) < _AHEAD:
                    source = waiting.popleft()
                    known = _look_up(shelves, source)
                    ahead.append(known.begun or pool.submit(_begin_or_refuse, shelves, source, known))
                first = ahead.popleft()
                group.append(first if isinstance(first, _Begun) else first.result())
                if sum(begun.inputs for begun in group) >= _TOGETHER or len(group) >= _AHEAD:
                    yield group
                    group = []
            if group:
                yield group
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """What the stores have of an image. missing: per shelf; None where nothing is known. begun: if nothing lacks."""

    records: tuple[Stored | None, ...]
    missing: tuple[list[Pair] | None, ...]
    begun: _Begun | None


def _look_up(shelves: Sequence[Shelf], source: Source) -> _LookedUp:
    known = tuple(_known(shelf.store, source.sha256) for shelf in shelves)
    missing = tuple(_missing(*each) for each in zip(shelves, known, source.offsets, strict=True))
    complete = tuple(record for record, pairs in zip(known, missing, strict=True) if record is not None and not pairs)
    begun = _Begun(source, complete, (None,) * len(shelves)) if len(complete) == len(shelves) else None
    return _LookedUp(known, missing, begun)


def _begin_or_refuse(shelves: Sequence[Shelf], source: Source, known: _LookedUp) -> _Begun:
    try:
        return _begin(shelves, source, known)
    except OSError:
        refused = Stored.refusal(*UNREADABLE)
    except Exception:
        logger.exception("looking at the picture %s failed", source.sha256)
        refused = Stored.refusal(*FAILED)
    return _Begun(source, (refused,) * len(shelves), (None,) * len(shelves))


def _begin(shelves: Sequence[Shelf], source: Source, known: _LookedUp) -> _Begun:
    """Prepare what the stores lack. Raises what reading the file raises."""
    try:
        rgb = decode(source.read())
    except ImageRejected as error:
        refused = Stored.refusal(error.code, error.reason)
        return _Begun(source, (refused,) * len(shelves), (_NOTHING,) * len(shelves))
    records = _located(shelves, known.records, rgb)
    squares: Squares = {}
    prepared = [
        _prepare(shelf, record, offsets, rgb, squares) if pairs is None or pairs else None
        for shelf, record, offsets, pairs in zip(shelves, records, source.offsets, known.missing, strict=True)
    ]
    return _Begun(source, tuple(records), tuple(prepared))


_NOTHING: Final = Prepared((), {}, ())


def _lacks(shelves: Sequence[Shelf], source: Source, records: Sequence[Stored]) -> bool:
    return any(_missing(*each) for each in zip(shelves, records, source.offsets, strict=True))


def _known(store: FeatureStore, sha256: str) -> Stored | None:
    record = store.get(sha256)
    outdated = record is not None and record.located.route is Route.REFUSED and record.code_version != CODE_VERSION
    return None if outdated else record


def _missing(shelf: Shelf, record: Stored | None, offsets: Sequence[int]) -> list[Pair] | None:
    """None where nothing is known of the image."""
    return None if record is None else record.missing(shelf.extractor.pairs(record.located.patches, offsets))


def _located(shelves: Sequence[Shelf], known: Sequence[Stored | None], rgb: Pixels) -> list[Stored]:
    """The records as far as they are known, begun where they are not; where patches lie is found out once."""
    height, width = rgb.shape[:2]
    found: dict[str, Located] = {}
    for shelf, record in zip(shelves, known, strict=True):
        if record is not None:
            found.setdefault(shelf.extractor.locator.version, record.located)
    records = []
    for shelf, record in zip(shelves, known, strict=True):
        version = shelf.extractor.locator.version
        if version not in found:
            found[version] = shelf.extractor.locate(rgb)
        records.append(record or Stored(found[version], width, height))
    return records


def _prepare(shelf: Shelf, record: Stored, offsets: Sequence[int], rgb: Pixels, squares: Squares) -> Prepared:
    patches = record.located.patches
    return shelf.extractor.prepare(rgb, patches, record.missing(shelf.extractor.pairs(patches, offsets)), squares)


def _finish(shelves: Sequence[Shelf], group: Sequence[_Begun]) -> Iterator[tuple[Stored, ...]]:
    """Embed what was prepared of these images, together, and keep it."""
    columns = []
    for number, shelf in enumerate(shelves):
        prepared = [begun.prepared[number] for begun in group]
        if not any(prepared):
            columns.append([begun.records[number] for begun in group])
            continue
        vectors = shelf.extractor.embed_prepared([one or _NOTHING for one in prepared])
        columns.append(
            [
                begun.records[number]
                if one is None
                else shelf.store.add(begun.source.sha256, begun.records[number].with_vectors(added))
                for begun, one, added in zip(group, prepared, vectors, strict=True)
            ]
        )
    yield from zip(*columns, strict=True)
