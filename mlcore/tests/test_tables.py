"""Ratings, images and scores as tables: what is read, and what is said of each odd cell."""

from pathlib import Path

import pytest

from mlcore.tables import TableError, read_images, read_ratings, read_scores, scale_of


def written(folder: Path, text: str, name: str = "ratings.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def test_ratings_come_as_grades_and_an_empty_one_is_missing(tmp_path: Path) -> None:
    ratings = read_ratings(written(tmp_path, "image,rater,grade\na.jpg,r1,0\na.jpg,r2,\nb.jpg,r1,NA\nb.jpg,r2,2.5\n"))
    assert [(one.image, one.rater, one.value, one.row) for one in ratings.grades] == [
        ("a.jpg", "r1", 0.0, 2),
        ("b.jpg", "r2", 2.5, 5),
    ]
    assert ratings.images == ("a.jpg", "b.jpg")
    assert ratings.findings == ()


def test_what_spreadsheets_write_is_understood(tmp_path: Path) -> None:
    text = '\ufeffImage;Rater;Grade\r\n"a;b.jpg";r1;2,5\r\n\r\n.\\sub\\c.jpg;"r\n1";3\r\n;;\r\nd.jpg;r1;x\r\n'
    text += "e.jpg;r1;1_0\r\n"
    ratings = read_ratings(written(tmp_path, text))
    assert [(one.image, one.value, one.row) for one in ratings.grades] == [("a;b.jpg", 2.5, 2), ("sub/c.jpg", 3.0, 4)]
    assert [str(one) for one in ratings.findings] == [
        "ratings.csv, row 7, column grade: 'x' is no number; it counts as missing.",
        "ratings.csv, row 8, column grade: '1_0' is no number; it counts as missing.",
    ]


def test_each_odd_row_is_named_with_its_place_and_the_others_stay(tmp_path: Path) -> None:
    text = (
        "image,rater,grade,mood\n"
        "a.jpg,r1,1,glad\n"
        "a.jpg,r2,many,\n"
        "a.jpg,r3,inf,\n"
        "a.jpg,r4,7,\n"
        ",r1,1,\n"
        "b.jpg,,1,\n"
        "a.jpg,r1,1,\n"
        "b.jpg,r1,2,\n"
        "b.jpg,r1,3,\n"
        "c.jpg,r1,3,,extra\n"
        "d.jpg,r1,0\n"
    )
    ratings = read_ratings(written(tmp_path, text), levels=(0.0, 1.0, 2.0, 3.0))
    assert [(one.image, one.rater, one.value) for one in ratings.grades] == [
        ("a.jpg", "r1", 1.0),
        ("b.jpg", "r1", 2.5),
        ("d.jpg", "r1", 0.0),
    ]
    told = [(one.row, one.column) for one in ratings.findings]
    assert told == [
        (11, ""),
        (12, ""),
        (1, ""),
        (3, "grade"),
        (4, "grade"),
        (5, "grade"),
        (6, "image"),
        (7, "rater"),
        (8, "grade"),
        (10, "grade"),
    ]
    said = "\n".join(str(one) for one in ratings.findings)
    for part in ("not used: mood", "'many' is no number", "7 is not on the scale 0 to 3", "(rows 2, 8)", "their mean"):
        assert part in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,rater\na.jpg,r1\n", "no column grade; its first row has image, rater"),
        ("", "no column image, rater, grade; its first row has nothing"),
        ("image,rater,grade\n", "no rows"),
        ("image,rater,grade,grade\na.jpg,r1,1,2\n", "row 1: there is more than one column grade"),
        ("image,rater,grade\na.jpg,r1,\n", "no grade that can be used"),
        ("image,rater,grade\na.jpg,r1,x\n", "First of 1 findings: ratings.csv, row 2, column grade: 'x'"),
        ('image,rater,grade\na.jpg,r1,1\n"b.jpg,r1,1\n', "row 3: the table can't be read from here on"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TableError) as caught:
        read_ratings(written(tmp_path, text))
    assert said in str(caught.value)
    assert "ratings.csv" in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="can't be read"):
        read_ratings(tmp_path / "nowhere.csv")
    (tmp_path / "ratings.csv").write_bytes("image,rater,grade\nä.jpg,r1,1\n".encode("latin-1"))
    with pytest.raises(TableError, match="UTF-8"):
        read_ratings(tmp_path / "ratings.csv")


def test_the_group_column_says_what_stays_together(tmp_path: Path) -> None:
    text = "image,group,person,reference_level\na.jpg,1,7,3\nb.jpg,1,8,0\nc.jpg,2,7,1\nd.jpg,,7,2\n"
    groups = read_images(written(tmp_path, text, "images.csv")).groups
    assert groups["a.jpg"] == groups["b.jpg"] != groups["c.jpg"]
    assert set(groups) == {"a.jpg", "b.jpg", "c.jpg"}


def test_without_a_group_persons_and_duplicates_are_joined(tmp_path: Path) -> None:
    text = "image,person,duplicate_group\na.jpg,1,\nb.jpg,1,x\nc.jpg,,x\nd.jpg,2,\ne.jpg,,\n"
    groups = read_images(written(tmp_path, text, "images.csv")).groups
    assert groups["a.jpg"] == groups["b.jpg"] == groups["c.jpg"] != groups["d.jpg"]
    assert "e.jpg" not in groups


def test_a_table_of_images_without_groups_is_refused_and_one_named_twice_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, "image,age\na.jpg,20\na.jpg,30\n", "images.csv")
    with pytest.raises(TableError, match="no column group, person or duplicate_group; it has image, age"):
        read_images(path)
    table = read_images(path, ("age",), grouped=False)
    assert table.fields == {"a.jpg": {"age": "20"}}
    assert [(one.row, one.column) for one in table.findings] == [(3, "image")]


def test_scores_are_read_back_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, 'image,score,route,reason\na.jpg,1.5,aligned,\nb.jpg,0.7,refused,"No face, no skin."\n')
    assert [(one.image, one.score, one.reason) for one in read_scores(path)] == [
        ("a.jpg", 1.5, ""),
        ("b.jpg", 0.7, "No face, no skin."),
    ]
    with pytest.raises(TableError, match="row 2, column score: '' is no number"):
        read_scores(written(tmp_path, "image,score\na.jpg,\n"))
    with pytest.raises(TableError, match=r"row 3, column image: a\.jpg has a score already"):
        read_scores(written(tmp_path, "image,score\na.jpg,1\na.jpg,1\n"))


def test_the_scale_is_the_whole_numbers_that_hold_all_grades() -> None:
    assert scale_of([0.0, 2.5, 1.0]) == (0.0, 1.0, 2.0, 3.0)
    for odd in ([2.0], [0.0, 1000.0]):
        with pytest.raises(TableError, match="--levels"):
            scale_of(odd)
