"""Grades made elsewhere: whose they become, what is refused, and that doing it twice changes nothing."""

import pytest
from django.core.exceptions import ValidationError

from accounts import audit
from accounts.models import AuditEvent
from labeler.csv_table import BadTable
from labeler.importing import add_image
from labeler.importing_grades import GradesReport, import_grades
from labeler.models import Assignment, Label, LabelSource, Membership, Study, StudyState
from labeler.tests.drawn import jpeg


@pytest.fixture
def pictures(study: Study) -> Study:
    """Three images; a10.jpg is a second name of a1.jpg."""
    for name, number in (("a1.jpg", 1), ("a2.jpg", 2), ("a3.jpg", 3), ("a10.jpg", 1)):
        add_image(study, name, jpeg(number), actor=audit.SYSTEM)
    return study


def _import(study: Study, table: str) -> GradesReport:
    return import_grades(study, "ratings.csv", table.encode(), actor=audit.SYSTEM)


def _grades() -> set[tuple[str, str, int, float]]:
    """Rater, first name of the image, repeat, value."""
    labels = Label.objects.filter(assignment__image__names__repeat=0, level__isnull=False)
    return {
        (
            row.assignment.membership.external_name,
            row.assignment.image.names.get(repeat=0).name,
            row.assignment.repeat,
            row.level.value if row.level else -1,
        )
        for row in labels.select_related("assignment__membership", "assignment__image", "level")
    }


def test_grades_become_labels_of_raters_without_sign_in(pictures: Study) -> None:
    report = _import(pictures, "image,rater,grade\na1.jpg,Expert,3\na2.jpg,Expert,Almost clear\na1.jpg,Junior,1.0\n")
    assert (report.added, report.raters) == (3, ["Expert", "Junior"])
    assert _grades() == {("Expert", "a1.jpg", 0, 3), ("Expert", "a2.jpg", 0, 2), ("Junior", "a1.jpg", 0, 1)}
    raters = Membership.objects.filter(role="rater", user__isnull=True)
    assert list(raters.values_list("code", flat=True)) == ["R01", "R02"]
    assert set(Label.objects.values_list("source", "version")) == {(LabelSource.IMPORT, 1)}
    assert not Assignment.objects.filter(released_at__isnull=False).exists()


def test_a_grade_of_a_second_name_is_a_repeat(pictures: Study) -> None:
    _import(pictures, "image,rater,grade\na10.jpg,Expert,2\na1.jpg,Expert,3\n")
    assert _grades() == {("Expert", "a1.jpg", 0, 3), ("Expert", "a1.jpg", 1, 2)}


def test_importing_again_adds_nothing(pictures: Study) -> None:
    table = "image,rater,grade\na1.jpg,Expert,3\na10.jpg,Expert,2\n"
    _import(pictures, table)
    before = (Assignment.objects.count(), Label.objects.count(), AuditEvent.objects.count())
    again = _import(pictures, table)
    assert (again.added, again.unchanged, again.conflicts) == (0, 2, [])
    assert (Assignment.objects.count(), Label.objects.count(), AuditEvent.objects.count()) == before


def test_a_second_table_adds_what_is_new(pictures: Study) -> None:
    _import(pictures, "image,rater,grade\na1.jpg,Expert,3\n")
    report = _import(pictures, "image,rater,grade\na1.jpg,Expert,3\na2.jpg,Expert,4\n")
    assert (report.added, report.unchanged) == (1, 1)
    keys = Assignment.objects.values_list("sort_key", flat=True)
    assert len(set(keys)) == 2


def test_a_changed_grade_is_named_and_left_out(pictures: Study) -> None:
    _import(pictures, "image,rater,grade\na1.jpg,Expert,3\n")
    report = _import(pictures, "image,rater,grade\na2.jpg,Expert,1\na1.jpg,Expert,4\n")
    conflict = report.conflicts[0]
    assert (conflict.row, conflict.name, conflict.kept, conflict.refused) == (3, "a1.jpg", "3 Mild", "4 Moderate")
    assert _grades() == {("Expert", "a1.jpg", 0, 3), ("Expert", "a2.jpg", 0, 1)}


def test_an_empty_grade_is_missing(pictures: Study) -> None:
    report = _import(pictures, "image,rater,grade\na1.jpg,Expert,\na2.jpg,Expert,2\n")
    assert (report.added, report.empty) == (1, 1)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("b.jpg,Expert,1", "row 3, column “image”: The study has no image “b.jpg”."),
        ("a2.jpg,Expert,6", "row 3, column “grade”: “6” is no level of the scale (1, 2, 3, 4, 5)."),
        ("a2.jpg,Expert,mildish", "row 3, column “grade”: “mildish” is no level"),
        ("a2.jpg,Expert,nan", "row 3, column “grade”: “nan” is no level"),
        ("a2.jpg,,1", "row 3, column “rater”: The cell is empty."),
        ("a1.jpg,Expert,1", "row 3: Expert grades “a1.jpg” in row 2 already."),
    ],
)
def test_a_faulty_row_is_named_and_nothing_is_written(pictures: Study, row: str, problem: str) -> None:
    with pytest.raises(BadTable) as refused:
        _import(pictures, f"image,rater,grade\na1.jpg,Expert,1\n{row}\n")
    assert problem in str(refused.value)
    assert not Label.objects.exists() and not Membership.objects.filter(role="rater").exists()


def test_who_signs_in_gets_no_grades_from_a_file(pictures: Study, bob_rates: Membership) -> None:
    Membership.objects.filter(pk=bob_rates.pk).update(external_name="Expert")
    with pytest.raises(BadTable, match="has an account"):
        _import(pictures, "image,rater,grade\na1.jpg,Expert,1\n")


def test_a_closed_study_takes_no_grades(pictures: Study) -> None:
    Study.objects.filter(pk=pictures.pk).update(state=StudyState.CLOSED)
    with pytest.raises(ValidationError, match="closed"):
        _import(pictures, "image,rater,grade\na1.jpg,Expert,1\n")
