"""A study's tables in every format: what is in them, and that they look the same however they leave."""

import csv
import io
import json
import uuid
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from accounts import audit
from accounts.models import AuditEvent, User
from labeler.assignment import assign
from labeler.clusters import recluster
from labeler.exporting import ASSIGNMENTS, IMAGES, LABELS, RATERS, STUDY_TABLES, Format, Table, export_table, stream
from labeler.exporting.tables import FORMULA_STARTS
from labeler.importing import add_image
from labeler.importing_grades import import_grades
from labeler.models import (
    Assignment,
    Flag,
    GoldenItem,
    GoldenSight,
    Image,
    ImageName,
    Label,
    Membership,
    MembershipState,
    Region,
    Sight,
    Study,
    StudyState,
)
from labeler.tests.drawn import jpeg
from labeler.tests.factories import deal, make_image

GIVEN_AT = datetime(2026, 1, 2, 3, 4, 5, 67_891, tzinfo=UTC)


def _label(assignment: Assignment, version: int, value: float | None, **fields: object) -> None:
    level = None if value is None else assignment.membership.study.levels.get(value=value)
    Label.objects.create(assignment=assignment, version=version, client_key=uuid.uuid4(), level=level, **fields)


@pytest.fixture
def graded(study: Study, bob_rates: Membership) -> Study:
    """Bob graded golden `=1.jpg` twice (3, then 4) and flagged 2.jpg; 3.jpg waits."""
    images = [make_image(study, number, golden=number == 1) for number in (1, 2, 3)]
    for image, name in zip(images, ("=1.jpg", "2.jpg", "3.jpg"), strict=True):
        ImageName.objects.create(study=study, image=image, name=name, metadata={"site": name})
    golden, flagged, _waiting = deal(bob_rates, images)
    _label(golden, 1, 3, decide_ms=900, client_time=GIVEN_AT)
    _label(golden, 2, 4, decide_ms=900, unsure=True)
    _label(flagged, 1, None, flag=Flag.BLUR, comment="+cmd|' /C calc'!A0\nsays \"Bob\", R\\n")
    return study


def _bytes(study: Study, table: Table, kind: Format, all_versions: bool = False) -> bytes:
    return b"".join(stream(study, table, kind, all_versions=all_versions))


def _rows(study: Study, table: Table = LABELS, *, all_versions: bool = False) -> list[dict[str, str]]:
    text = _bytes(study, table, Format.CSV, all_versions).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _json(study: Study, table: Table) -> list[dict[str, object]]:
    return [json.loads(line) for line in _bytes(study, table, Format.JSONL).splitlines()]


def _parquet(study: Study, table: Table) -> pa.Table:
    return pq.read_table(io.BytesIO(_bytes(study, table, Format.PARQUET)))


def test_the_label_that_counts_is_exported(graded: Study) -> None:
    rows = {row["image"]: row for row in _rows(graded)}
    golden, flagged = rows["'=1.jpg"], rows["2.jpg"]
    assert len(rows) == 2
    assert (golden["rater"], golden["value"], golden["level"], golden["version"]) == ("R01", "4", "Moderate", "2")
    assert (golden["set"], golden["decide_ms"], golden["repeat"], golden["region"]) == ("golden", "900", "0", "face")
    assert (flagged["value"], flagged["flag"], flagged["set"], flagged["unsure"]) == ("", "blur", "training", "no")


def test_the_parts_of_a_face_come_as_rows_of_their_own_with_the_answer_that_counts(graded: Study) -> None:
    golden, _flagged, waiting = Assignment.objects.order_by("sort_key")
    _label(waiting, 1, 2, viewing={"zoom": 2})
    _label(waiting, 1, 3, region=Region.CHIN)
    _label(waiting, 2, 2, stale=True)
    _label(waiting, 2, 4, region=Region.CHIN, stale=True)
    _label(waiting, 2, None, region=Region.CHEEKS, flag=Flag.UNSEEN, stale=True)
    _label(golden, 2, 5, region=Region.CHIN)
    _label(golden, 3, None, flag=Flag.DARK)
    rows = [row for row in _rows(graded) if row["image"] != "2.jpg"]
    assert [(row["region"], row["value"], row["flag"], row["version"], row["stale"]) for row in rows] == [
        ("face", "", "dark", "3", "no"),  # the parts of an answer that was replaced don't count
        ("cheeks", "", "unseen", "2", "yes"),
        ("chin", "4", "", "2", "yes"),
        ("face", "2", "", "2", "yes"),
    ]
    every = [row for row in _rows(graded, all_versions=True) if row["image"] == "3.jpg"]
    assert [(row["region"], row["version"]) for row in every] == [
        ("cheeks", "2"),
        ("chin", "2"),
        ("chin", "1"),
        ("face", "2"),
        ("face", "1"),
    ]
    assert json.loads(every[-1]["viewing"]) == {"zoom": 2} and every[0]["viewing"] == ""
    answers = {row["image"]: row["answers"] for row in _rows(graded, ASSIGNMENTS)}
    assert answers == {"'=1.jpg": "3", "2.jpg": "1", "3.jpg": "2"}


def test_all_versions_are_there_when_asked_for(graded: Study) -> None:
    versions = [(row["image"], row["version"]) for row in _rows(graded, all_versions=True)]
    assert versions == [("'=1.jpg", "2"), ("'=1.jpg", "1"), ("2.jpg", "1")]


def test_labels_keep_their_columns_and_spelling(graded: Study) -> None:
    assert _bytes(graded, LABELS, Format.CSV).decode().splitlines()[0] == (
        "image,rater,repeat,region,value,level,flag,unsure,comment,version,stale,server_time,client_time,decide_ms,"
        "viewing,source,set"
    )
    first = next(row for row in _rows(graded, all_versions=True) if row["version"] == "1")
    assert first["client_time"] == "2026-01-02T03:04:05.067+00:00"
    assert {row["unsure"] for row in _rows(graded)} == {"yes", "no"}


def test_no_cell_is_a_formula(graded: Study) -> None:
    cells = [cell for row in _rows(graded) for cell in row.values()]
    assert "'+cmd|' /C calc'!A0\nsays \"Bob\", R\\n" in cells
    assert not [cell for cell in cells if cell and ord(cell[0]) in FORMULA_STARTS]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_calculate_is_text(start: str, study: Study, bob_rates: Membership) -> None:
    ImageName.objects.create(study=study, image=make_image(study, 1), name=f"{start}1")
    ImageName.objects.create(study=study, image=make_image(study, 2), name=f"a{start}1")
    assert [row["image"] for row in _rows(study, IMAGES)] == [f"'{start}1", f"a{start}1"]


def test_a_repeat_bears_the_name_that_was_graded(study: Study) -> None:
    add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM)
    add_image(study, "b.jpg", jpeg(1), actor=audit.SYSTEM)
    import_grades(study, "g.csv", b"image,rater,grade\na.jpg,X,1\nb.jpg,X,2\n", actor=audit.SYSTEM)
    assert [(row["image"], row["repeat"], row["value"]) for row in _rows(study)] == [
        ("a.jpg", "0", "1"),
        ("b.jpg", "1", "2"),
    ]
    assert _json(study, IMAGES)[0]["further_names"] == ["b.jpg"]


@pytest.mark.parametrize("table", STUDY_TABLES, ids=lambda table: table.name)
def test_an_empty_table_has_its_heading_and_types(table: Table, db: None) -> None:
    nowhere = Study(pk=-1)
    names = [column.name for column in table.columns]
    assert _bytes(nowhere, table, Format.CSV).decode() == ",".join(names) + "\n"
    assert _bytes(nowhere, table, Format.JSONL) == b""
    empty = _parquet(nowhere, table)
    assert (empty.column_names, empty.num_rows) == (names, 0)


@pytest.mark.parametrize("table", STUDY_TABLES, ids=lambda table: table.name)
def test_the_formats_hold_the_same(table: Table, graded: Study) -> None:
    """Apart from the spelling: the apostrophe, yes and no, and JSON inside CSV."""
    as_json, as_parquet = _json(graded, table), _parquet(graded, table).to_pylist()
    assert len(as_json) == len(as_parquet) == len(_rows(graded, table))
    for plain, typed in zip(as_json, as_parquet, strict=True):
        for column in table.columns:
            value = typed[column.name]
            if isinstance(value, datetime):
                value = value.isoformat(timespec="milliseconds")
            if column.kind.value == "JSON" and value is not None:
                value = json.loads(value)
            assert plain[column.name] == value, column.name


def test_json_and_parquet_hold_text_as_it_is(graded: Study) -> None:
    comment = "+cmd|' /C calc'!A0\nsays \"Bob\", R\\n"
    assert [row["comment"] for row in _json(graded, LABELS)] == [None, comment]
    assert _parquet(graded, LABELS).column("comment").to_pylist() == [None, comment]


def test_parquet_has_types_and_says_what_its_columns_mean(graded: Study) -> None:
    schema = _parquet(graded, LABELS).schema
    assert schema.field("server_time").type == pa.timestamp("ms", tz="UTC")
    assert schema.field("rater").type == pa.dictionary(pa.int32(), pa.string())
    assert (schema.field("value").type, schema.field("version").type) == (pa.float64(), pa.int64())
    assert schema.field("unsure").type == pa.bool_()
    assert schema.field("decide_ms").metadata[b"unit"] == b"ms"


def test_parquet_comes_in_row_groups(graded: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labeler.exporting.parquet.ROW_GROUP", 2)
    file = pq.ParquetFile(io.BytesIO(_bytes(graded, LABELS, Format.PARQUET, all_versions=True)))
    assert [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)] == [2, 1]
    assert file.read().column("version").to_pylist() == [2, 1, 1]


def test_an_order_that_was_not_sent_is_shown_after_the_close_only(graded: Study) -> None:
    sent = Assignment.objects.order_by("sort_key")[1]
    Assignment.objects.filter(pk=sent.pk).update(released_at=GIVEN_AT, first_shown_at=GIVEN_AT, shown_seq=1)
    rows = [
        (row["image"], row["planned_place"], row["shown_place"], row["answers"]) for row in _rows(graded, ASSIGNMENTS)
    ]
    assert rows == [("2.jpg", "2", "1", "1"), ("'=1.jpg", "", "", "2"), ("3.jpg", "", "", "0")]
    Study.objects.filter(pk=graded.pk).update(state=StudyState.CLOSED)
    assert [row["planned_place"] for row in _rows(graded, ASSIGNMENTS)] == ["2", "1", "3"]


def test_what_was_taken_back_has_no_place(graded: Study) -> None:
    first = Assignment.objects.order_by("sort_key")[0]
    Assignment.objects.filter(pk=first.pk).update(revoked_at=GIVEN_AT, revoke_reason="rater left")
    Study.objects.filter(pk=graded.pk).update(state=StudyState.CLOSED)
    found = {row["image"]: (row["planned_place"], row["revoke_reason"]) for row in _rows(graded, ASSIGNMENTS)}
    assert found == {"'=1.jpg": ("", "rater left"), "2.jpg": ("1", ""), "3.jpg": ("2", "")}


def test_images_say_set_folds_and_metadata(study: Study, bob_rates: Membership, carol_rates: Membership) -> None:
    for number in range(3):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM, golden=number == 0, person=f"P{number}")
    recluster(study, actor=audit.SYSTEM)
    assign(study, actor=audit.SYSTEM)
    rows = _json(study, IMAGES)
    assert [row["set"] for row in rows] == ["golden", "training", "training"]
    assert rows[0]["fold_raters"] is None
    assert sorted(str(row["fold_raters"]) for row in rows[1:]) == ["R01", "R02"]
    second = Image.objects.get(names__name="1.jpg")
    assert (rows[1]["person"], rows[1]["metadata"], rows[1]["cluster"]) == ("P1", {}, second.cluster)
    assert rows[1]["brightness"] == second.quality["brightness"]


def test_a_withdrawn_golden_image_is_told_from_training(graded: Study) -> None:
    GoldenItem.objects.update(withdrawn_at=GIVEN_AT, reason="two faces")
    assert {row["set"] for row in _rows(graded)} == {"withdrawn", "training"}


def test_raters_have_no_names(study: Study, alice: User, bob: User, bob_rates: Membership) -> None:
    Membership.objects.filter(pk=bob_rates.pk).update(state=MembershipState.WITHDRAWN, withdrawn_reason="ill")
    GoldenSight.objects.create(study=study, user=bob, how=Sight.OPENED)
    Membership.objects.filter(pk=bob_rates.pk).update(
        state=MembershipState.ACTIVE, admitted_reason="pilot", admitted_by=alice
    )
    import_grades(study, "g.csv", _one_grade(study), actor=audit.SYSTEM)
    text = _bytes(study, RATERS, Format.CSV).decode()
    assert not [word for word in ("Bob", "bob@", "Alice", "Dr Elsewhere") if word in text]
    bobs, elsewhere = _rows(study, RATERS)
    assert (bobs["rater"], bobs["saw_golden_set"], bobs["admitted_reason"], bobs["admitted_by"]) == (
        "R01",
        "yes",
        "pilot",
        study.memberships.get(user=alice).code,
    )
    assert (elsewhere["has_account"], elsewhere["saw_golden_set"]) == ("no", "no")


def _one_grade(study: Study) -> bytes:
    ImageName.objects.create(study=study, image=make_image(study, 1), name="a.jpg")
    return b"image,rater,grade\na.jpg,Dr Elsewhere,1\n"


@pytest.mark.parametrize("table", STUDY_TABLES, ids=lambda table: table.name)
def test_another_studys_rows_stay_there(table: Table, graded: Study) -> None:
    other = Study.objects.create(name="Another")
    assert _rows(other, table) == []


def test_who_exported_is_written_down(graded: Study, alice: User) -> None:
    export_table(graded, LABELS, Format.JSONL, actor=audit.Actor(alice), all_versions=True)
    event = AuditEvent.objects.get(verb="labels.exported")
    assert (event.study_id, event.actor) == (graded.pk, alice)
    assert event.after == {"format": "jsonl", "all_versions": True}
