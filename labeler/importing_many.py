"""Many pictures come in: read and decoded by threads, written down in batches in their order, and reported.

Memory holds a few pictures at a time, and sources are taken as they are listed, so a million is as good as ten.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from threading import BoundedSemaphore
from typing import Final

from accounts.audit import Actor
from labeler.import_report import ImportReport
from labeler.import_rows import Incoming, NameTaken, NotTaken, Prepared, ShownWithGrade
from labeler.import_table import NOTHING_KNOWN, Facts
from labeler.importing import add_all, check_open, keep, look
from labeler.models import ImageName, Sight, Study
from labeler.sight import record_sight
from labeler.sources import Source, Unreadable, checked_name, printable
from labeler.sources.marks import Marks
from labeler.teaching import Teaching, teaching_of
from mlcore.images import ImageRejected

# Most of a thread's time goes to waiting for a disk or a network; decoding is bounded by itself.
THREADS: Final = 8
# A picture of the largest size allowed takes one to two gigabytes while it is decoded.
MOST_DECODED_AT_ONCE: Final = 4
BATCH: Final = 50
# A batch is written sooner where pictures come slowly, so that the lead sees them come.
BATCH_SECONDS: Final = 1.0

Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the study knows of a name already; `sha256` is None for a picture that was erased."""

    sha256: str | None
    golden: bool
    person: str

    def covers(self, facts: Facts) -> bool:
        """Whether these facts would change nothing."""
        return self.golden >= facts.golden and facts.person in {"", self.person}


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A source that was read; `picture` is None where the study has just that already."""

    source: Source
    picture: Prepared | None


def import_images(
    study: Study, sources: Iterable[Source], facts: Mapping[str, Facts], *, actor: Actor, report: Report
) -> ImportReport:
    """Import files in the order given. `report(done, total, message)` is called after each batch; total is 0 while
    the sources are not all listed.

    A file that can't be imported is reported by name, and the rest goes on. Raises ValidationError when the study is
    closed, when facts make images golden though it has begun, or while the actor rates in it.
    """
    check_facts(study, facts, actor)
    return _Import(study, facts, actor).run(sources, report)


def check_facts(study: Study, facts: Mapping[str, Facts], actor: Actor) -> None:
    """Whether images may come in with those facts. Who brings golden ones has seen them, which is written down.

    Raises ValidationError as `import_images` does.
    """
    golden = any(told.golden for told in facts.values())
    check_open(study, golden=golden)
    if golden:
        record_sight(study, Sight.IMPORTED, actor)


class _Import:
    def __init__(self, study: Study, facts: Mapping[str, Facts], actor: Actor) -> None:
        self._study = study
        self._facts = facts
        self._actor = actor
        self._marks = Marks(study.pk)
        self._decoding = BoundedSemaphore(min(os.cpu_count() or 1, MOST_DECODED_AT_ONCE))
        self._outcome = ImportReport()

    def run(self, sources: Iterable[Source], report: Report) -> ImportReport:
        total = len(sources) if isinstance(sources, Sized) else 0
        done = 0
        for batch in _batches(self._ahead(sources)):
            self._write(batch)
            done += len(batch)
            report(done, total, self._outcome.sentence())
        report(done, done, self._outcome.sentence())
        return self._outcome

    def _ahead(self, sources: Iterable[Source]) -> Iterator[tuple[Source, Future[_Loaded]]]:
        """Load sources by threads, a batch or two ahead, in order."""
        listed = iter(sources)
        waiting: deque[tuple[Source, Future[_Loaded]]] = deque()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="import") as pool:
            try:
                while group := list(islice(listed, BATCH)):
                    known, teaching = self._known(group), teaching_of(self._study)
                    waiting.extend(
                        (source, pool.submit(self._load, source, known.get(source.name), teaching)) for source in group
                    )
                    while len(waiting) > BATCH:
                        yield waiting.popleft()
                while waiting:
                    yield waiting.popleft()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _known(self, group: list[Source]) -> dict[str, _Known]:
        names = [source.name for source in group if _is_unicode(source.name)]
        rows = ImageName.objects.filter(study=self._study, name__in=names).values_list(
            "name", "image__sha256", "image__golden_item", "image__person__external_id"
        )
        return {name: _Known(sha256, golden is not None, person or "") for name, sha256, golden, person in rows}

    def _load(self, source: Source, known: _Known | None, teaching: Teaching) -> _Loaded:
        """Raises ImageRejected, NotTaken and Unreadable. Runs in a thread, so touches no table."""
        name = checked_name(source.name)
        covered = known is not None and known.covers(self._facts.get(name, NOTHING_KNOWN))
        if known is not None and known.sha256 is None:
            raise Unreadable("The picture of that name was erased from the study.", "Leave the file out.")
        if covered and self._marks.knows(name, source.mark):
            return _Loaded(source, None)
        data = source.read()
        sha256 = hashlib.sha256(data).hexdigest()
        if known is not None and known.sha256 != sha256:
            raise NameTaken(name)
        if covered:
            return _Loaded(source, None)
        with self._decoding:
            looked = look(data, sha256)
        if known is None and teaching.holds(sha256, looked.perceptual_hash, lambda: looked.shown.data):
            raise ShownWithGrade
        return _Loaded(source, keep(self._study.pk, data, looked))

    def _write(self, batch: list[tuple[Source, Future[_Loaded]]]) -> None:
        came: list[tuple[str, str]] = []
        incoming: list[Incoming] = []
        marks: list[str] = []
        for source, loading in batch:
            try:
                picture = loading.result().picture
            except (ImageRejected, NotTaken, Unreadable) as error:
                self._outcome.refuse(printable(source.name), error.reason, error.remedy)
                continue
            if picture is None:
                self._outcome.unchanged += 1
                came.append((source.name, source.mark))
            else:
                incoming.append(Incoming(source.name, picture, self._facts.get(source.name, NOTHING_KNOWN)))
                marks.append(source.mark)
        answers = add_all(self._study, incoming, actor=self._actor) if incoming else []
        for file, mark, answer in zip(incoming, marks, answers, strict=True):
            if isinstance(answer, NotTaken):
                self._outcome.refuse(file.name, answer.reason, answer.remedy)
            else:
                self._outcome.count(answer)
                came.append((file.name, mark))
        self._marks.remember(came)


def _batches(loading: Iterator[tuple[Source, Future[_Loaded]]]) -> Iterator[list[tuple[Source, Future[_Loaded]]]]:
    """Batches of loaded sources: full ones, or what has come in a while."""
    batch: list[tuple[Source, Future[_Loaded]]] = []
    began = time.monotonic()
    for source, future in loading:
        future.exception()  # waits for it
        batch.append((source, future))
        if len(batch) >= BATCH or time.monotonic() - began > BATCH_SECONDS:
            yield batch
            batch, began = [], time.monotonic()
    if batch:
        yield batch


def _is_unicode(name: str) -> bool:
    try:
        return "\0" not in name and bool(name.encode())
    except UnicodeEncodeError:
        return False
