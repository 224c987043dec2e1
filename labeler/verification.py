"""Do the commitments hold? Each document against its published SHA-256, each against the next, the first against its
seed, the last against the database, and the images of all against the database's.

docs/commitment.md says how anyone else does the same with the revealed files alone.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import BinaryIO

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from labeler import file_store
from labeler.commitments import CLOSED, NONE_BEFORE, HashingFile, write_document
from labeler.from_seed import redone
from labeler.models import Assignment, Commitment, Image, Study, StudyState

_MOST_TOLD = 5
_BATCH = 20_000


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
    # What is wrong with what was drawn, and with the study as it is now, compared with the last commitment.
    problems: tuple[str, ...]
    # Whether golden draw, folds and orders of the first document were drawn again from its seed; a long one is not.
    redone: bool = False

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
        return Verification((), (_("The study has published no commitment."),))
    checked = []
    before: _Contents | None = None
    for place, row in enumerate(rows):
        there, problems = _checked(row, rows[place - 1] if place else None, before)
        checked.append(Checked(row.number, row.sha256, tuple(problems)))
        before = there
    again = _redone(study, rows[0]) if checked[0].holds else None
    problems = [*(again or ()), *_unclosed(study, rows)]
    readable = before is not None and before.sha256 == rows[-1].sha256
    # What a changed document says of its nonce is worth nothing.
    if readable and before is not None:
        problems += _against_database(study, rows[-1], before)
    return Verification(tuple(checked), tuple(problems), again is not None)


def _redone(study: Study, first: Commitment) -> list[str] | None:
    with file_store.path_of(first.path).open("rb") as file:
        return redone(study, file)


def _unclosed(study: Study, rows: Iterable[Commitment]) -> Iterator[str]:
    if study.state == StudyState.CLOSED and all(row.event != CLOSED for row in rows):
        yield _("The study is closed, but the commitment of its close is not there.")


def changed_originals(study: Study) -> Iterator[str]:
    """Dealt images whose stored file is gone or is not what its SHA-256 says. Reads every file."""
    dealt = Exists(Assignment.objects.filter(image=OuterRef("pk")))
    images = Image.objects.filter(dealt, study=study, sha256__isnull=False).order_by("pk")
    for pk, path, sha256 in images.values_list("pk", "original", "sha256").iterator(chunk_size=_BATCH):
        file = file_store.path_of(path)
        if not path or not file.is_file():
            yield _("Image {number}: its file is not in the store.").format(number=pk)
        elif hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            yield _("Image {number}: its file was changed.").format(number=pk)


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
    # Every image that is dealt.
    images: set[int] = field(default_factory=set)
    # How many images are not the database's.
    replaced: int = 0
    # A digest of golden set, folds and orders.
    dealt: str = ""
    sha256: str = ""


def _checked(row: Commitment, last: Commitment | None, before: _Contents | None) -> tuple[_Contents | None, list[str]]:
    """What a commitment's document says, and what is wrong with it."""
    path = file_store.path_of(row.path)
    if not path.is_file():
        return None, [_of(row, _("its document is not in the store."))]
    with path.open("rb") as file:
        there = _read(file, before.sent if before else {}, _contents(row))
    if there.sha256 != row.sha256:
        changed = _("its document was changed: its SHA-256 is {sha256}, not the published one.")
        return there, [_of(row, changed.format(sha256=there.sha256))]
    said = (there.header.get("study"), there.header.get("number"), there.header.get("previous"))
    problems = []
    if said != (str(row.study_id), str(row.number), row.previous or NONE_BEFORE):
        problems.append(_("its document is that of another study or number."))
    if row.number != (last.number + 1 if last else 1) or row.previous != (last.sha256 if last else ""):
        problems.append(_("it does not name the one before it."))
    if there.replaced:
        replaced = _("{count} of its images are not those that the database has now.")
        problems.append(replaced.format(count=there.replaced))
    if before is not None:
        problems += _since(before, there)
    return there, [_of(row, problem) for problem in problems]


def _of(row: Commitment, problem: str) -> str:
    return _("Commitment {number}: {problem}").format(number=row.number, problem=problem)


def _since(before: _Contents, there: _Contents) -> Iterator[str]:
    """What can't have happened between two documents."""
    if before.header.get("seed") != there.header.get("seed"):
        yield _("the seed is another.")
    for code, sent in before.sent.items():
        if there.sent.get(code, 0) < sent or there.shown_before.get(code) != before.shown[code]:
            yield _("what {rater} had been shown before has another order.").format(rater=code)
    for image, state in before.golden.items():
        if there.golden.get(image) not in {state, "withdrawn"}:
            golden = _("image {number} was golden before, and is no longer.")
            withdrawn = _("image {number} was withdrawn before, and is no longer.")
            yield (withdrawn if state == "withdrawn" else golden).format(number=image)
    for image in there.golden.keys() - before.golden.keys():
        if _number(image) in before.images:
            yield _("image {number} was dealt for training before, and is golden now.").format(number=image)
    gone = len(before.images - there.images)
    if gone:
        yield _("{count} images that were dealt before are no longer.").format(count=gone)
    if there.header.get("event") == CLOSED and there.dealt != before.dealt:
        yield _("golden set, folds or orders were changed between the last event and the close.")


def _contents(row: Commitment) -> Iterator[tuple[int, str | None]]:
    """The study's images and the SHA-256 of each, in order."""
    images = Image.objects.filter(study=row.study_id).order_by("pk").values_list("pk", "sha256")
    return images.iterator(chunk_size=_BATCH)


def _read(file: BinaryIO, sent_before: dict[str, int], contents: Iterator[tuple[int, str | None]]) -> _Contents:
    there, digest, dealt = _Contents(), hashlib.sha256(), hashlib.sha256()
    places: Counter[str] = Counter()
    shown = {code: hashlib.sha256() for code in sent_before}
    own: dict[str, hashlib._Hash] = {}
    for line in file:
        digest.update(line)
        if line.startswith((b"golden ", b"fold ", b"order ")):
            dealt.update(line)
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
        elif kind == "image":
            image, said, *_ = [*rest.split(" "), ""]
            there.images.add(_number(image))
            there.replaced += not _same_picture(_number(image), said, there.header.get("nonce", ""), contents)
        elif kind != "fold":
            there.header[kind] = rest
    there.sha256, there.dealt = digest.hexdigest(), dealt.hexdigest()
    there.shown = {code: one.hexdigest() for code, one in own.items()}
    there.shown_before = {code: one.hexdigest() for code, one in shown.items()}
    return there


def _number(words: str) -> int:
    """0 for what a changed document has in a number's place."""
    return int(words) if words.isdecimal() else 0


def _same_picture(image: int, said: str, nonce: str, contents: Iterator[tuple[int, str | None]]) -> bool:
    """Whether the database's picture is the document's, or erased since; `contents` is read on up to that image."""
    for pk, sha256 in contents:
        if pk >= image:
            now = hashlib.sha256(f"{nonce} {sha256}".encode()).hexdigest() if sha256 else said
            return pk == image and said == now
    return False


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
            differs = _("The last document says “{kept}”, and the database now “{now}”.")
            problems.append(differs.format(kept=kept, now=now))
        else:
            more += 1
    return problems + ([_("So do {count} more lines.").format(count=more)] if more else [])


def _differences(kept: BinaryIO, again: BinaryIO) -> Iterator[tuple[str, str]]:
    """Lines that differ, but for what may have happened since: an image erased or of another cluster, more shown."""
    for old, new in zip_longest(kept, again, fillvalue=b""):
        if old == new:
            continue
        was, now = old.decode("utf-8", "replace").split(), new.decode().split()
        # Its cluster may be another since; the picture itself is looked at in every document.
        same_image = was[:1] == ["image"] and now[:2] == was[:2] and now[2:3] in (was[2:3], ["erased"])
        shown = was[:1] == ["sent"] and now[:2] == was[:2] and int(now[2]) >= int(was[2])
        if not same_image and not shown:
            yield " ".join(was) or _("nothing"), " ".join(now) or _("nothing")
