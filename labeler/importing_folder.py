"""Many pictures come in: decoded by threads, written down one by one in the order of their names, and reported."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from accounts.audit import Actor
from labeler.import_table import NOTHING_KNOWN, Facts
from labeler.importing import Added, NameTaken, Outcome, Prepared, add_prepared, prepare
from labeler.models import ImageName, Study
from labeler.sources import Source, Unreadable
from mlcore.images import ImageRejected


@dataclass(frozen=True, slots=True)
class NamedReason:
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SameContent:
    name: str
    first_name: str


@dataclass(slots=True)
class ImportReport:
    """What an import did, for people; it ends in its job's `result`."""

    added: int = 0
    unchanged: int = 0
    golden: int = 0
    same_content: list[SameContent] = field(default_factory=list)
    refused: list[NamedReason] = field(default_factory=list)
    notes: list[NamedReason] = field(default_factory=list)

    def count(self, added: Added) -> None:
        if added.outcome is Outcome.NEW:
            self.added += 1
        elif added.outcome is Outcome.SAME_CONTENT:
            self.same_content.append(SameContent(added.name.name, added.first_name))
        else:
            self.unchanged += 1
        self.golden += added.made_golden
        if added.note:
            self.notes.append(NamedReason(added.name.name, added.note))

    def sentence(self) -> str:
        parts = [f"{self.added} added"]
        parts += [f"{self.unchanged} there already"] if self.unchanged else []
        parts += [f"{len(self.same_content)} with the content of another"] if self.same_content else []
        parts += [f"{len(self.refused)} refused"] if self.refused else []
        parts += [f"{self.golden} made golden"] if self.golden else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the study knows of a name already."""

    sha256: str | None
    golden: bool
    person: str

    def covers(self, sha256: str, facts: Facts) -> bool:
        """Whether importing these bytes with these facts would change nothing."""
        return self.sha256 == sha256 and self.golden >= facts.golden and facts.person in {"", self.person}


# A picture of the largest size allowed takes about a gigabyte while it is decoded.
MOST_THREADS = 4


def import_images(
    study: Study,
    sources: Sequence[Source],
    facts: Mapping[str, Facts],
    *,
    actor: Actor,
    report: Callable[[int, int, str], None],
) -> ImportReport:
    """Import files in the order given. `report(done, total, message)` is called after every file.

    A file that can't be imported is reported by name, and the rest goes on. Raises ValidationError when the study is
    not in draft.
    """
    outcome = ImportReport()
    names = ImageName.objects.filter(study=study)
    known = {
        name: _Known(sha256, golden is not None, person or "")
        for name, sha256, golden, person in names.values_list(
            "name", "image__sha256", "image__golden_item", "image__person__external_id"
        ).iterator()
    }

    def load(source: Source) -> Prepared | None:
        data = source.read()
        before = known.get(source.name)
        told = facts.get(source.name, NOTHING_KNOWN)
        if before is not None and before.covers(hashlib.sha256(data).hexdigest(), told):
            return None
        return prepare(study.pk, data)

    for done, (source, loading) in enumerate(_ahead(load, sources), start=1):
        try:
            picture = loading.result()
            if picture is None:
                outcome.unchanged += 1
            else:
                told = facts.get(source.name, NOTHING_KNOWN)
                outcome.count(add_prepared(study, source.name, picture, told, actor=actor))
        except (ImageRejected, NameTaken, Unreadable) as error:
            outcome.refused.append(NamedReason(_printable(source.name), str(error)))
        report(done, len(sources), outcome.sentence())
    return outcome


def _ahead(
    load: Callable[[Source], Prepared | None], sources: Sequence[Source]
) -> Iterator[tuple[Source, Future[Prepared | None]]]:
    """Load with a thread per processor, a few files ahead, in order. Memory holds those few pictures only."""
    threads = min(os.cpu_count() or 1, MOST_THREADS)
    waiting: deque[tuple[Source, Future[Prepared | None]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        try:
            for source in sources:
                waiting.append((source, pool.submit(load, source)))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()


def _printable(name: str) -> str:
    """A file name that is no Unicode, as something that a page can show."""
    return name.encode("utf-8", "backslashreplace").decode()
