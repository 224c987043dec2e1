"""The table beside the images: what it may look like, and how its faults are named."""

import time

import pytest

from labeler.csv_table import BadTable
from labeler.import_table import Facts, read_facts

FILES = {"a.jpg", "b.jpg", "é.jpg"}


def _problems(data: bytes) -> list[str]:
    with pytest.raises(BadTable) as refused:
        read_facts("images.csv", data, FILES)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize(
    "data",
    [
        b"file,golden,person,clinic\na.jpg,yes,75.0,north\n",
        b"\xef\xbb\xbfFile;Golden;Person;clinic\r\na.jpg;YES;75;north\r\n",
        b"image\tgolden\tperson\tclinic\na.jpg\tyes\t75\tnorth\n\n",
    ],
    ids=["plain", "byte order mark and semicolons", "tabs and the alias image"],
)
def test_the_usual_kinds_of_table_are_read(data: bytes) -> None:
    assert read_facts("images.csv", data, FILES) == {"a.jpg": Facts(True, "75", {"clinic": "north"})}


def test_a_heading_of_very_many_columns_is_refused_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(BadTable, match="twice"):
        read_facts("images.csv", b"file" + b",x" * 100_000, FILES)
    assert time.monotonic() - began < 5


def test_beside_a_column_file_a_column_image_is_metadata() -> None:
    assert read_facts("t.csv", b"file,image\na.jpg,front\n", FILES)["a.jpg"].metadata == {"image": "front"}


def test_names_match_however_the_accent_is_written() -> None:
    assert set(read_facts("t.csv", "file\ne\u0301.jpg\n".encode(), FILES)) == {"é.jpg"}


def test_empty_golden_means_no() -> None:
    assert read_facts("t.csv", b"file,golden\na.jpg,\n", FILES)["a.jpg"].golden is False


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "empty"),
        (b"name,golden\na.jpg,yes\n", "row 1, column “file”: The column is missing. The file has: name, golden."),
        (b"file,golden\na.jpg,maybe\n", "row 2, column “golden”: “maybe” is neither yes nor no."),
        (b"file\nc.jpg\n", "row 2, column “file”: There is no file “c.jpg”"),
        (b"file\na.jpg\nb.jpg\na.jpg\n", "row 4, column “file”: “a.jpg” is in row 2 already."),
        (b"file,golden\na.jpg\n", "row 2: It has 1 cells, the heading has 2."),
        (b"file,file\na.jpg,b.jpg\n", "row 1, column “file”: The column is there twice."),
        (b"file,golden\n,yes\n", "row 2, column “file”: The cell is empty."),
        ("file\né.jpg\n".encode("latin-1"), "row 2: The file is not in UTF-8."),
        ("file\na.jpg\n".encode("utf-16"), "The file is not in UTF-8."),
        (b"file\n\0\n", "null bytes"),
        (b"file,person\na.jpg," + b"x" * 121 + b"\n", "row 2, column “person”: It is longer than 120"),
    ],
)
def test_a_fault_is_named_by_row_and_column(data: bytes, problem: str) -> None:
    problems = _problems(data)
    assert len(problems) == 1 and problem in problems[0]


def test_all_faults_are_told_at_once() -> None:
    assert len(_problems(b"file,golden\nc.jpg,yes\na.jpg,perhaps\nd.jpg,no\n")) == 3
