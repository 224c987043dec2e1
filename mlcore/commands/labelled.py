"""Grades, groups and files put together: one subject for each different picture, whatever its files are called.

Nothing here depends on names: subjects are told apart, ordered and grouped by the sha256 of their bytes, so that the
same pictures under other names train the same model, bit for bit.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlcore.commands.folder import PictureFile, sha256_of
from mlcore.commands.progress import Progress
from mlcore.joining import joined
from mlcore.tables import Grade, ImageTable, Ratings, TableError

_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Subject:
    """One picture with its grades: `names` are all files with these bytes.

    ratings: each rater's grade (the mean of several), sorted by rater. target: the mean over the raters. group: what
    stays on one side of a split, named by the smallest sha256 in it. fields: further columns of the images' table.
    """

    sha256: str
    path: Path
    names: tuple[str, ...]
    ratings: tuple[tuple[str, float], ...]
    group: str
    fields: Mapping[str, str]

    @property
    def target(self) -> float:
        return math.fsum(value for _, value in self.ratings) / len(self.ratings)


@dataclass(frozen=True, slots=True)
class Labelled:
    """subjects: sorted by sha256. findings: what was left out or put together, as sentences."""

    subjects: tuple[Subject, ...]
    findings: tuple[str, ...]

    def manifest_sha256(self, levels: Sequence[float]) -> str:
        """Of the canonical JSON of scale, pictures, groups and grades."""
        rows = [[one.sha256, one.group, [list(rating) for rating in one.ratings]] for one in self.subjects]
        canonical = json.dumps({"levels": list(levels), "images": rows}, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def labelled(files: Sequence[PictureFile], ratings: Ratings, table: ImageTable | None, progress: Progress) -> Labelled:
    """Put together what belongs together. Raises TableError where no graded image is in the folder."""
    of_name: dict[str, list[Grade]] = {}
    for grade in ratings.grades:
        of_name.setdefault(grade.image, []).append(grade)
    wanted = [file for file in files if file.name in of_name]
    absent = sorted(set(ratings.images) - {file.name for file in files})
    if not wanted:
        raise TableError(
            f"None of the {len(ratings.images)} images that are graded is in the folder: {_some(absent)}. "
            "The column image holds the files' names below the folder."
        )
    known = _by_sha256(wanted, progress)
    subjects = [_subject(sha256, files_of, of_name, table) for sha256, files_of in sorted(known.items())]
    grouped = _grouped(subjects, table)
    return Labelled(tuple(grouped), tuple(_findings(files, absent, known, ratings, table)))


def regrouped(whole: Labelled, pairs: Iterable[tuple[int, int]]) -> Labelled:
    """With the groups of these pairs of subjects (their places) joined as well."""
    return Labelled(tuple(_joined(whole.subjects, pairs)), whole.findings)


def _by_sha256(files: Sequence[PictureFile], progress: Progress) -> dict[str, list[PictureFile]]:
    known: dict[str, list[PictureFile]] = {}
    for done, file in enumerate(files, 1):
        known.setdefault(sha256_of(file.path), []).append(file)
        progress.at("reading files", done, len(files))
    return known


def _subject(
    sha256: str, files: Sequence[PictureFile], of_name: Mapping[str, Sequence[Grade]], table: ImageTable | None
) -> Subject:
    by_rater: dict[str, list[float]] = {}
    for file in files:
        for grade in of_name[file.name]:
            by_rater.setdefault(grade.rater, []).append(grade.value)
    # Sorted sums: the mean of a rater's grades must not depend on which of two names comes first.
    ratings = tuple((rater, math.fsum(sorted(values)) / len(values)) for rater, values in sorted(by_rater.items()))
    # Where two names of one picture contradict each other, the lesser value counts, whatever the names are.
    cells = (
        sorted((pair for file in files for pair in table.fields.get(file.name, {}).items()), reverse=True)
        if table
        else ()
    )
    fields = dict(cells)
    return Subject(sha256, files[0].path, tuple(file.name for file in files), ratings, sha256, fields)


def _grouped(subjects: Sequence[Subject], table: ImageTable | None) -> list[Subject]:
    """By the images' table; the names of one picture are together, and so are their groups."""
    first: dict[str, int] = {}
    groups = table.groups if table else {}
    pairs = [
        (first.setdefault(groups[name], at), at)
        for at, subject in enumerate(subjects)
        for name in subject.names
        if name in groups
    ]
    return _joined(subjects, pairs)


def _joined(subjects: Sequence[Subject], pairs: Iterable[tuple[int, int]]) -> list[Subject]:
    place = {subject.sha256: at for at, subject in enumerate(subjects)}
    own = [(place[subject.group], at) for at, subject in enumerate(subjects)]
    roots = joined(len(subjects), [*own, *pairs])
    return [
        Subject(one.sha256, one.path, one.names, one.ratings, subjects[root].sha256, one.fields)
        for one, root in zip(subjects, roots, strict=True)
    ]


def _findings(
    files: Sequence[PictureFile],
    absent: Sequence[str],
    known: Mapping[str, Sequence[PictureFile]],
    ratings: Ratings,
    table: ImageTable | None,
) -> Iterable[str]:
    graded = {grade.image for grade in ratings.grades}
    yield from (str(finding) for finding in (*ratings.findings, *(table.findings if table else ())))
    if absent:
        yield f"{len(absent)} graded images are not in the folder and are left out: {_some(absent)}."
    unused = sorted(file.name for file in files if file.name not in graded)
    if unused:
        yield f"{len(unused)} pictures have no grade and are left out: {_some(unused)}."
    copies = [files_of for files_of in known.values() if len(files_of) > 1]
    if copies:
        yield f"{len(copies)} pictures have several files of the same bytes and count once: {_some(_pairs(copies))}."
    if table is not None:
        alone = sorted(file.name for some in known.values() for file in some if file.name not in table.groups)
        if alone:
            yield f"{len(alone)} images have no group, and each is a group of its own: {_some(alone)}."


def _pairs(copies: Sequence[Sequence[PictureFile]]) -> list[str]:
    return sorted(" = ".join(file.name for file in files) for files in copies)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
