"""What a lead does from a terminal."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts import audit
from accounts.models import User
from jobs.models import Job, JobState
from labeler import clusters
from labeler.importing import add_image
from labeler.models import Assignment, GoldenItem, Image, Label, Level, Membership, Study, StudyState
from labeler.studies import create_study
from labeler.tests.drawn import jpeg

STUDY = "Acne in selfies"


def _run(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, stderr=out)
    return out.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
    (folder / "3.jpg").write_bytes(jpeg(1))
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_a_study_on_the_four_level_scale(alice: User) -> None:
    assert "with 4 levels" in _run("create_study", "Pilot", "--lead", "ALICE@example.org", "--scale", "0-3")
    study = Study.objects.get(name="Pilot")
    assert list(study.levels.values_list("value", flat=True)) == [0, 1, 2, 3]
    assert Membership.objects.get(study=study).user == alice


@pytest.mark.django_db
def test_a_study_on_a_scale_of_ones_own() -> None:
    _run("create_study", "Own", "--level", "0,5; None; Nothing to see", "--level", "2; Some")
    assert list(Level.objects.values_list("value", "name", "description", "key")) == [
        (0.5, "None", "Nothing to see", ""),
        (2, "Some", "", "2"),
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--lead", "nobody@example.org"], "no account for nobody@example.org"),
        (["--level", "x; Mild"], "Line 1: “x” is no number"),
        (["--level", "nan; Mild"], "Line 1: “nan” is no number"),
        (["--level", "1"], "Line 1: The level has no name"),
        (["--level", "1; One"], "at least two levels"),
    ],
)
@pytest.mark.django_db
def test_a_study_that_can_not_be_made(arguments: list[str], error: str) -> None:
    with pytest.raises(CommandError, match=error):
        _run("create_study", "Pilot", *arguments)
    assert not Study.objects.exists()


def test_a_new_rater_gets_a_link_and_a_known_one_none(study: Study, bob: User) -> None:
    assert "password/reset/key" in _run("add_rater", STUDY, "new@example.org", "--name", "New")
    assert "http" not in _run("add_rater", STUDY, "Bob@example.org")
    assert list(Membership.objects.filter(role="rater").values_list("code", "user__email")) == [
        ("R01", "new@example.org"),
        ("R02", "bob@example.org"),
    ]


@pytest.mark.django_db(transaction=True)
def test_images_come_in_without_a_worker(study: Study, folder: Path) -> None:
    (folder / "images.csv").write_text("image,golden\n1.jpg,yes\n2.jpg,no\n")
    told = _run("import_images", STUDY, str(folder), "--csv", str(folder / "images.csv"))
    assert "same content: 3.jpg is a second name of 1.jpg" in told
    assert "refused: broken.jpg: The file is not a JPEG" in told
    assert (Image.objects.count(), GoldenItem.objects.count()) == (2, 1)
    assert Job.objects.get(kind="labeler.import_images").state == JobState.DONE
    assert "Nothing was added." in _run("import_images", STUDY, str(folder), "--csv", str(folder / "images.csv"))


def test_a_faulty_table_stops_the_import_before_it_begins(study: Study, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("file,golden\n1.jpg,perhaps\n")
    with pytest.raises(CommandError, match=r"t\.csv: row 2, column “golden”: “perhaps” is neither yes nor no"):
        _run("import_images", STUDY, str(folder), "--csv", str(table))
    assert not Image.objects.exists() and not Job.objects.exists()


def test_a_folder_that_is_none_is_said(study: Study, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is not a folder"):
        _run("import_images", STUDY, str(tmp_path / "nothing"))
    with pytest.raises(CommandError, match="There is no file in"):
        _run("import_images", STUDY, str(tmp_path))


@pytest.mark.django_db(transaction=True)
def test_grades_come_in_and_out(study: Study, tmp_path: Path) -> None:
    add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM)
    table = tmp_path / "grades.csv"
    table.write_text("image,rater,grade\na.jpg,Expert,3\n")
    assert "1 grades of 1 raters added" in _run("import_grades", str(study.pk), str(table))
    table.write_text("image,rater,grade\na.jpg,Expert,4\n")
    assert "row 2: Expert graded a.jpg 3 Mild; 4 Moderate was left out" in _run("import_grades", STUDY, str(table))
    assert Label.objects.count() == 1
    assert "a.jpg,R01,0,face,3,Mild" in _run("export_labels", STUDY)
    _run("export_labels", STUDY, "--out", str(tmp_path / "out.csv"))
    assert "a.jpg,R01,0,face,3,Mild" in (tmp_path / "out.csv").read_text()


def test_assigning_begins_labelling(study: Study, bob_rates: Membership) -> None:
    for number in range(3):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM, golden=number == 0)
    with pytest.raises(CommandError, match="not been searched"):
        _run("assign", STUDY)
    clusters.recluster(study, actor=audit.SYSTEM)
    shown = _run("assign", STUDY, "--dry-run")
    assert "R01    Bob" in shown and "2 training images in 2 clusters" in shown and "Stops it" not in shown
    assert not Assignment.objects.exists()
    assert "Dealt 2 training images to 1 raters, and 1 golden" in _run("assign", STUDY)
    assert Assignment.objects.count() == 3
    with pytest.raises(CommandError, match="has begun"):
        _run("assign", STUDY)


def test_an_unknown_study_is_answered_with_those_there_are(study: Study) -> None:
    with pytest.raises(CommandError, match=r"no study “Other”\. There are: “Acne in selfies”"):
        _run("assign", "Other")


def test_a_name_of_digits_goes_before_a_number(study: Study) -> None:
    named = create_study(str(study.pk), actor=audit.SYSTEM, lead=None)
    with pytest.raises(CommandError, match="no active rater"):
        _run("assign", named.name)
    study.refresh_from_db()
    assert study.state == StudyState.DRAFT
