"""A study's labels as CSV."""

import csv
import io
import uuid

import pytest

from accounts import audit
from accounts.models import AuditEvent
from labeler.assignment import assign
from labeler.export import COLUMNS, export_labels, labels_csv, safe_text
from labeler.importing import add_image
from labeler.importing_grades import import_grades
from labeler.models import Assignment, Flag, Label, Membership, Study
from labeler.tests.drawn import jpeg


@pytest.fixture
def graded(study: Study, bob_rates: Membership) -> Study:
    """Bob graded golden `=1.jpg` twice (3, then 4) and flagged 2.jpg; 3.jpg waits."""
    for name, number in (("=1.jpg", 1), ("2.jpg", 2), ("3.jpg", 3)):
        add_image(study, name, jpeg(number), actor=audit.SYSTEM, golden=number == 1)
    assign(study, actor=audit.SYSTEM)
    by_name = {row.image.names.get().name: row for row in Assignment.objects.all()}
    levels = {level.value: level for level in study.levels.all()}
    for version, value in ((1, 3), (2, 4)):
        Label.objects.create(
            assignment=by_name["=1.jpg"], version=version, client_key=uuid.uuid4(), level=levels[value], decide_ms=900
        )
    Label.objects.create(
        assignment=by_name["2.jpg"], version=1, client_key=uuid.uuid4(), flag=Flag.BLUR, comment="+cmd|' /C calc'!A0"
    )
    return study


def _rows(study: Study, *, all_versions: bool = False) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(labels_csv(study, all_versions=all_versions)), newline="")))


def test_the_label_that_counts_is_exported(graded: Study) -> None:
    rows = {row["image"]: row for row in _rows(graded)}
    golden, flagged = rows["'=1.jpg"], rows["2.jpg"]
    assert len(rows) == 2
    assert (golden["rater"], golden["value"], golden["level"], golden["version"]) == ("R01", "4", "Moderate", "2")
    assert (golden["set"], golden["decide_ms"], golden["repeat"], golden["region"]) == ("golden", "900", "0", "face")
    assert (flagged["value"], flagged["flag"], flagged["set"], flagged["unsure"]) == ("", "blur", "training", "no")


def test_all_versions_are_there_when_asked_for(graded: Study) -> None:
    versions = [(row["image"], row["version"]) for row in _rows(graded, all_versions=True)]
    assert sorted(versions) == [("'=1.jpg", "1"), ("'=1.jpg", "2"), ("2.jpg", "1")]


def test_no_cell_is_a_formula(graded: Study) -> None:
    cells = [cell for row in _rows(graded) for cell in row.values()]
    assert "'+cmd|' /C calc'!A0" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t"))]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_what_a_spreadsheet_would_calculate_is_text(text: str) -> None:
    assert safe_text(text) == f"'{text}"
    assert safe_text(f"a{text}") == f"a{text}"


def test_a_repeat_bears_the_name_that_was_graded(study: Study) -> None:
    add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM)
    add_image(study, "b.jpg", jpeg(1), actor=audit.SYSTEM)
    import_grades(study, "g.csv", b"image,rater,grade\na.jpg,X,1\nb.jpg,X,2\n", actor=audit.SYSTEM)
    assert [(row["image"], row["repeat"], row["value"]) for row in _rows(study)] == [
        ("a.jpg", "0", "1"),
        ("b.jpg", "1", "2"),
    ]


def test_an_empty_study_gives_the_heading(study: Study) -> None:
    assert list(labels_csv(study)) == [",".join(COLUMNS) + "\r\n"]


def test_who_exported_is_written_down(graded: Study) -> None:
    list(export_labels(graded, actor=audit.SYSTEM))
    assert AuditEvent.objects.get(verb="labels.exported").study_id == graded.pk
