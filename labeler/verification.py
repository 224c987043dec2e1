"""Do the commitments hold? Each document against its published SHA-256, each against the next, the last against the
database. docs/commitment.md says how anyone else does the same with the revealed files alone.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import BinaryIO

from labeler import file_store
from labeler.commitments import NONE_BEFORE, HashingFile, write_document
from labeler.models import Commitment, Study

_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Checked:
    """One commitment, and what is wrong with it in words."""

    number: int
    sha256: str
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.problems


@dataclass(frozen=True, slots=True)
class Verification:
    commitments: tuple[Checked, ...]
    # What is wrong with the study as it is now, compared with the last commitment.
    problems: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return bool(self.commitments) and not self.all_problems

    @property
    def all_problems(self) -> tuple[str, ...]:
        return tuple(problem for one in self.commitments for problem in one.problems) + self.problems


def verify(study: Study) -> Verification:
    """Check every commitment of a study. Reads each document once, a line at a time."""
    rows = list(Commitment.objects.filter(study=study).order_by("number"))
    if not rows:
        return Verification((), ("The study has published no commitment.",))
    checked = []
    before: _Contents | None = None
    for place, row in enumerate(rows):
        there, problems = _checked(row, rows[place - 1] if place else None, before)
        checked.append(Checked(row.number, row.sha256, tuple(problems)))
        before = there
    readable = before is not None and before.sha256 == rows[-1].sha256
    # What a changed document says of its nonce is worth nothing.
    problems = _against_database(study, rows[-1], before) if readable and before is not None else []
    return Verification(tuple(checked), tuple(problems))


@dataclass(slots=True)
class _Contents:
    """What is kept of a document that was read through."""

    header: dict[str, str] = field(default_factory=dict)
    golden: dict[str, str] = field(default_factory=dict)
    # How many images had been shown to each rater, and a digest of these first images, in their order.
    sent: dict[str, int] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    # The same digest over as many as the document before says had been shown.
    shown_before: dict[str, str] = field(default_factory=dict)
    sha256: str = ""


def _checked(row: Commitment, last: Commitment | None, before: _Contents | None) -> tuple[_Contents | None, list[str]]:
    """What a commitment's document says, and what is wrong with it."""
    path = file_store.path_of(row.path)
    if not path.is_file():
        return None, [f"Commitment {row.number}: its document is not in the store."]
    with path.open("rb") as file:
        there = _read(file, before.sent if before else {})
    name = f"Commitment {row.number}: "
    if there.sha256 != row.sha256:
        return there, [f"{name}its document was changed: its SHA-256 is {there.sha256}, not the published one."]
    said = (there.header.get("study"), there.header.get("number"), there.header.get("previous"))
    problems = []
    if said != (str(row.study_id), str(row.number), row.previous or NONE_BEFORE):
        problems.append(f"{name}its document is that of another study or number.")
    if row.number != (last.number + 1 if last else 1) or row.previous != (last.sha256 if last else ""):
        problems.append(f"{name}it does not name the one before it.")
    if before is not None:
        problems += [name + problem for problem in _since(before, there)]
    return there, problems


def _since(before: _Contents, there: _Contents) -> Iterator[str]:
    """What can't have happened between two documents."""
    if before.header.get("seed") != there.header.get("seed"):
        yield "the seed is another."
    for code, sent in before.sent.items():
        if there.sent.get(code, 0) < sent or there.shown_before.get(code) != before.shown[code]:
            yield f"what {code} had been shown before has another order."
    for image, state in before.golden.items():
        if there.golden.get(image) not in {state, "withdrawn"}:
            yield f"image {image} was {state or 'golden'} before, and is no longer."


def _read(file: BinaryIO, sent_before: dict[str, int]) -> _Contents:
    there, digest = _Contents(), hashlib.sha256()
    places: Counter[str] = Counter()
    shown = {code: hashlib.sha256() for code in sent_before}
    own: dict[str, hashlib._Hash] = {}
    for line in file:
        digest.update(line)
        kind, _, rest = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
        if kind == "order":
            code = rest.partition(" ")[0]
            places[code] += 1
            if places[code] <= there.sent.get(code, 0):
                own.setdefault(code, hashlib.sha256()).update(line)
            if places[code] <= sent_before.get(code, 0):
                shown[code].update(line)
        elif kind == "sent":
            code, _, count = rest.partition(" ")
            there.sent[code] = int(count) if count.isdecimal() else 0
            own[code] = hashlib.sha256()
        elif kind == "golden":
            image, _, state = rest.partition(" ")
            there.golden[image] = state
        elif kind not in {"image", "fold"}:
            there.header[kind] = rest
    there.sha256 = digest.hexdigest()
    there.shown = {code: one.hexdigest() for code, one in own.items()}
    there.shown_before = {code: one.hexdigest() for code, one in shown.items()}
    return there


def _against_database(study: Study, row: Commitment, there: _Contents) -> list[str]:
    """Write the last document again from the database as it is now, and compare it with the one kept."""
    with tempfile.TemporaryFile() as again:
        hashing = HashingFile(again)
        write_document(study, there.header, hashing)
        if hashing.sha256 == row.sha256:
            return []
        again.seek(0)
        with file_store.path_of(row.path).open("rb") as kept:
            return _told(_differences(kept, again))


def _told(found: Iterator[tuple[str, str]]) -> list[str]:
    problems: list[str] = []
    more = 0
    for kept, now in found:
        if len(problems) < _MOST_TOLD:
            problems.append(f"The last document says “{kept}”, and the database now “{now}”.")
        else:
            more += 1
    return problems + ([f"So do {more} more lines."] if more else [])


def _differences(kept: BinaryIO, again: BinaryIO) -> Iterator[tuple[str, str]]:
    """Lines that differ, but for what may have happened since: an image erased, more images shown."""
    for old, new in zip_longest(kept, again, fillvalue=b""):
        if old == new:
            continue
        was, now = old.decode("utf-8", "replace").split(), new.decode().split()
        erased = was[:1] == ["image"] and now == [*was[:2], "erased"]
        shown = was[:1] == ["sent"] and now[:2] == was[:2] and int(now[2]) >= int(was[2])
        if not erased and not shown:
            yield " ".join(was) or "nothing", " ".join(now) or "nothing"
