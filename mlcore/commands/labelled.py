"""Grades, groups and files put together: one subject for each different picture, whatever its files are called.

Nothing here depends on names: subjects are told apart, ordered and grouped by the sha256 of their bytes, so that the
same pictures under other names train the same model, bit for bit.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlcore.commands.folder import PictureFile, by_sha256, left_out
from mlcore.commands.progress import Progress, some
from mlcore.joining import joined
from mlcore.tables import Grade, ImageTable, Ratings, TableError


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
    """Put together what belongs together. Raises TableError where no graded image is in the folder, or can be read."""
    of_name: dict[str, list[Grade]] = {}
    for grade in ratings.grades:
        of_name.setdefault(grade.image, []).append(grade)
    wanted = [file for file in files if file.name in of_name]
    # A picture may have its grade under one name, and its group under another.
    beside = [file for file in files if table and file.name in table.groups and file.name not in of_name]
    absent = sorted(set(ratings.images) - {file.name for file in files})
    if not wanted:
        raise TableError(
            f"None of the {len(ratings.images)} images that are graded is in the folder: {some(absent)}. "
            "The column image holds the files' names below the folder."
        )
    known, unreadable = by_sha256([*wanted, *beside], progress)
    graded = {
        sha256: own for sha256, files_of in known.items() if (own := [one for one in files_of if one.name in of_name])
    }
    if not graded:
        raise TableError(f"None of the images that are graded can be read: {some(unreadable)}.")
    subjects = [_subject(sha256, files_of, of_name, table) for sha256, files_of in sorted(graded.items())]
    grouped = _grouped(subjects, known, table)
    return Labelled(tuple(grouped), tuple(_findings(files, absent, unreadable, graded, ratings, table)))


def regrouped(whole: Labelled, pairs: Iterable[tuple[int, int]]) -> Labelled:
    """With the groups of these pairs of subjects (their places) joined as well."""
    return Labelled(tuple(_joined(whole.subjects, pairs)), whole.findings)


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


def _grouped(
    subjects: Sequence[Subject], known: Mapping[str, Sequence[PictureFile]], table: ImageTable | None
) -> list[Subject]:
    """By the images' table; the names of one picture, graded or not, are together, and so are their groups."""
    every = sorted(known)
    first: dict[str, int] = {}
    groups = table.groups if table else {}
    pairs = [
        (first.setdefault(groups[file.name], at), at)
        for at, sha256 in enumerate(every)
        for file in known[sha256]
        if file.name in groups
    ]
    root_of = dict(zip(every, joined(len(every), pairs), strict=True))
    smallest: dict[int, str] = {}
    return [replace(one, group=smallest.setdefault(root_of[one.sha256], one.sha256)) for one in subjects]


def _joined(subjects: Sequence[Subject], pairs: Iterable[tuple[int, int]]) -> list[Subject]:
    place = {subject.sha256: at for at, subject in enumerate(subjects)}
    own = [(place[subject.group], at) for at, subject in enumerate(subjects)]
    roots = joined(len(subjects), [*own, *pairs])
    return [replace(one, group=subjects[root].sha256) for one, root in zip(subjects, roots, strict=True)]


def _findings(
    files: Sequence[PictureFile],
    absent: Sequence[str],
    unreadable: Sequence[str],
    known: Mapping[str, Sequence[PictureFile]],
    ratings: Ratings,
    table: ImageTable | None,
) -> Iterable[str]:
    graded = {grade.image for grade in ratings.grades}
    yield from (str(finding) for finding in (*ratings.findings, *(table.findings if table else ())))
    if absent:
        yield f"{len(absent)} graded images are not in the folder and are left out: {some(absent)}."
    yield from left_out(unreadable)
    unused = sorted(file.name for file in files if file.name not in graded)
    if unused:
        yield f"{len(unused)} pictures have no grade and are left out: {some(unused)}."
    copies = [files_of for files_of in known.values() if len(files_of) > 1]
    if copies:
        yield f"{len(copies)} pictures have several files of the same bytes and count once: {some(_pairs(copies))}."
    if table is not None:
        alone = sorted(file.name for files_of in known.values() for file in files_of if file.name not in table.groups)
        if alone:
            yield f"{len(alone)} images have no group, and each is a group of its own: {some(alone)}."


def _pairs(copies: Sequence[Sequence[PictureFile]]) -> list[str]:
    return sorted(" = ".join(file.name for file in files) for files in copies)
