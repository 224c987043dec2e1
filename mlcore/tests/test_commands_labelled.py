"""Grades, groups and files put together by what the files hold, whatever they are called."""

import io
import random
from pathlib import Path

import pytest

from mlcore.commands.complaint import Complaint
from mlcore.commands.folder import picture_files
from mlcore.commands.labelled import Labelled, labelled, regrouped
from mlcore.commands.progress import Progress
from mlcore.tables import Grade, ImageTable, Ratings, TableError
from mlcore.tests.pictures import encoded, scene

SILENT = Progress(stream=io.StringIO())


def folder_of(place: Path, contents: dict[str, bytes]) -> Path:
    for name, data in contents.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def together(place: Path, grades: list[tuple[str, str, float]], table: ImageTable | None = None) -> Labelled:
    rows = tuple(Grade(*grade, row) for row, grade in enumerate(grades, 2))
    return labelled(picture_files(place), Ratings(rows, tuple({row.image: None for row in rows}), ()), table, SILENT)


def test_picture_files_are_found_by_suffix_or_by_their_first_bytes(tmp_path: Path) -> None:
    picture = encoded(scene(64, 64), "JPEG")
    named = {"b.JPG": b"broken", "sub/a.png": picture, "nameless": picture, "a.webp": b""}
    other = {"notes.txt": b"hello", ".hidden.jpg": picture, ".git/c.jpg": picture, "list.csv": b"image\n"}
    folder_of(tmp_path, {**named, **other})
    assert [file.name for file in picture_files(tmp_path)] == ["a.webp", "b.JPG", "nameless", "sub/a.png"]
    for empty in (tmp_path / "nowhere", folder_of(tmp_path / "no", {"x.txt": b""})):
        with pytest.raises(Complaint):
            picture_files(empty)


def test_files_of_the_same_bytes_are_one_subject_with_the_mean_of_their_grades(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.jpg": b"one", "b.jpg": b"one", "c.jpg": b"two"})
    grades = [("a.jpg", "r1", 1.0), ("b.jpg", "r1", 2.0), ("a.jpg", "r2", 3.0), ("c.jpg", "r1", 0.0)]
    whole = together(tmp_path, grades, ImageTable({"b.jpg": "x", "c.jpg": "x"}))
    double = next(one for one in whole.subjects if len(one.names) == 2)
    assert double.ratings == (("r1", 1.5), ("r2", 3.0))
    assert double.target == 2.25
    assert len({one.group for one in whole.subjects}) == 1
    assert any("1 pictures have several files" in finding for finding in whole.findings)


def test_a_picture_whose_group_stands_under_a_name_without_a_grade_is_in_that_group(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.jpg": b"one", "copy of a.jpg": b"one", "c.jpg": b"two", "d.jpg": b"three"})
    grades = [("a.jpg", "r1", 1.0), ("c.jpg", "r1", 2.0), ("d.jpg", "r1", 2.0)]
    table = ImageTable({"copy of a.jpg": "x", "c.jpg": "x", "a.jpg": "y", "d.jpg": "z"})
    whole = together(tmp_path, grades, table)
    groups = {one.names: one.group for one in whole.subjects}
    assert groups[("a.jpg",)] == groups[("c.jpg",)] != groups[("d.jpg",)]
    # And so does one that joins two groups, though nobody graded it under either name.
    folder_of(tmp_path, {"e1.jpg": b"four", "e2.jpg": b"four"})
    whole = together(tmp_path, grades, ImageTable({**table.groups, "e1.jpg": "z", "e2.jpg": "x"}))
    assert len({one.group for one in whole.subjects}) == 1


def test_what_is_missing_or_unused_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder_of(tmp_path, {"a.jpg": b"one", "b.jpg": b"two"})
    whole = together(tmp_path, [("a.jpg", "r1", 1.0), ("gone.jpg", "r1", 1.0)], ImageTable({}))
    assert [one.names for one in whole.subjects] == [("a.jpg",)]
    assert [finding.split(":")[0] for finding in whole.findings] == [
        "1 graded images are not in the folder and are left out",
        "1 pictures have no grade and are left out",
        "1 images have no group, and each is a group of its own",
    ]
    with pytest.raises(TableError, match="None of the 1 images that are graded is in the folder: elsewhere"):
        together(tmp_path, [("elsewhere.jpg", "r1", 1.0)])


def test_names_and_their_order_change_nothing(tmp_path: Path) -> None:
    contents = [f"picture {at}".encode() for at in range(8)]
    told = []
    for names in (list("abcdefgh"), random.Random(3).sample("stuvwxyz", 8)):
        place = folder_of(
            tmp_path / names[0], {f"{name}.jpg": data for name, data in zip(names, contents, strict=True)}
        )
        grades = [(f"{name}.jpg", rater, float(at % 4)) for at, name in enumerate(names) for rater in ("r1", "r2")]
        table = ImageTable({f"{name}.jpg": str(at // 3) for at, name in enumerate(names)})
        whole = together(place, sorted(grades), table)
        rows = [(one.sha256, one.group, one.ratings) for one in whole.subjects]
        told.append((rows, whole.manifest_sha256((0.0, 3.0))))
    assert told[0] == told[1]
    assert len({group for _, group, _ in told[0][0]}) == 3


def test_more_pairs_join_groups_and_another_grade_makes_another_manifest(tmp_path: Path) -> None:
    folder_of(tmp_path, {f"{name}.jpg": name.encode() for name in "abcd"})
    whole = together(tmp_path, [(f"{name}.jpg", "r", 1.0) for name in "abcd"], ImageTable({"a.jpg": "x", "b.jpg": "x"}))
    assert len({one.group for one in whole.subjects}) == 3
    closer = regrouped(whole, [(0, 1), (1, 2), (2, 3)])
    assert {one.group for one in closer.subjects} == {min(one.sha256 for one in whole.subjects)}
    other = together(tmp_path, [(f"{name}.jpg", "r", 1.0) for name in "abc"] + [("d.jpg", "r", 2.0)])
    assert len({one.manifest_sha256((0.0, 1.0, 2.0)) for one in (whole, closer, other)}) == 3
