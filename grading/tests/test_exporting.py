"""What the grades came to, as tables; the page of all tables, its guard, and the command."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pyarrow import parquet as pq
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from accounts.models import AuditEvent, User
from grading.consensus import freeze_figures, override_seat, panel_figures
from grading.exporting import CONSENSUS, PREDICTIONS, TABLES
from grading.models import ConsensusVersion, Evaluation, TrainingRun
from grading.runs import start_run
from grading.tests.panels import FLAG, add_images, add_raters, answer_all, graded_study
from grading.tests.test_views import end
from labeler.exporting import Format, Table, stream
from labeler.exporting.dictionary import HEADING, dictionary_markdown
from labeler.models import GoldenSight, Membership, Role, Sight, Study, StudyState

DOCS = Path(__file__).resolve().parents[2] / "docs" / "exports.md"


def rows(study: Study, table: Table, *, all_versions: bool = False) -> list[dict[str, object]]:
    data = b"".join(stream(study, table, Format.JSONL, all_versions=all_versions))
    return [json.loads(line) for line in data.splitlines()]


def table_url(study: Study, table: str, kind: str = "csv") -> str:
    return reverse("table_export", args=[study.pk, table, kind])


@pytest.fixture
def frozen(study: Study) -> Study:
    """Grades 1, 2, 3 and 2, 3, flag; frozen with all three raters, then without R03."""
    raters, images = add_raters(study, 3), add_images(study, 2, golden=2)
    answer_all(raters, images, [[1, 2, 3], [2, 3, FLAG]])
    freeze_figures(study, panel_figures(study), audit.SYSTEM)
    override_seat(study, raters[2], False, "ill", audit.SYSTEM)
    return study


@pytest.fixture
def judged(study: Study) -> TrainingRun:
    graded_study(study)
    run = start_run(study, audit.SYSTEM)
    end(run)
    return run


def test_the_newest_consensus_is_exported_and_all_when_asked_for(frozen: Study) -> None:
    first, newest = ConsensusVersion.objects.order_by("pk")
    values = [(row["version"], row["image"], row["value"], row["n"], row["panel"]) for row in rows(frozen, CONSENSUS)]
    assert values == [(newest.pk, "0.jpg", 1.5, 2, "R01 R02"), (newest.pk, "1.jpg", 2.5, 2, "R01 R02")]
    everything = rows(frozen, CONSENSUS, all_versions=True)
    assert [(row["version"], row["value"], row["panel"]) for row in everything[:1]] == [(first.pk, 2, "R01 R02 R03")]
    assert len(everything) == 4 and {row["scope"] for row in everything} == {"golden"}
    assert everything[0]["spread"] == pytest.approx(first.values.order_by("image_id")[0].spread)


def test_predictions_name_run_and_refusal(judged: TrainingRun) -> None:
    (row,) = rows(judged.study, PREDICTIONS)
    evaluation = Evaluation.objects.get()
    assert (row["run"], row["evaluation"], row["consensus_version"]) == (
        judged.number,
        evaluation.pk,
        evaluation.consensus_version_id,
    )
    assert (row["image"], row["score"], row["truth"], row["patches"]) == ("0.jpg", 2.4, 1, 0)
    assert (row["route"], row["reason"]) == ("refused", "No face was found.")


def test_only_the_newest_evaluation_of_a_run_unless_asked_for_all(judged: TrainingRun) -> None:
    first = Evaluation.objects.get()
    again = Evaluation.objects.create(
        run=judged, consensus_version=first.consensus_version, gate=first.gate, metrics=first.metrics, passed=True,
        gate_declared_at=first.gate_declared_at,
    )  # fmt: skip
    again.predictions.create(image=first.predictions.get().image, score=3, truth=1, patches=[3], route="frontal")
    assert [(row["evaluation"], row["patches"]) for row in rows(judged.study, PREDICTIONS)] == [(again.pk, 1)]
    assert len(rows(judged.study, PREDICTIONS, all_versions=True)) == 2


@pytest.mark.parametrize("table", [CONSENSUS, PREDICTIONS], ids=lambda table: table.name)
def test_another_studys_figures_stay_there(table: Table, judged: TrainingRun) -> None:
    assert rows(judged.study, table)
    other = Study.objects.create(name="Another")
    assert rows(other, table, all_versions=True) == []


@pytest.mark.parametrize("kind", list(Format))
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_is_downloaded_in_every_format(
    client: Client, frozen: Study, alice: User, table: Table, kind: Format
) -> None:
    client.force_login(alice)
    answer = client.get(table_url(frozen, table.name, kind) + "?versions=all")
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert answer["Content-Disposition"] == f'attachment; filename="acne-in-selfies-{table.name}-all.{kind.value}"'
    assert (answer["Content-Type"], answer["Cache-Control"]) == (kind.content_type, "no-store")
    assert data == b"".join(stream(frozen, table, kind, all_versions=True))
    if kind is Format.PARQUET:
        assert pq.read_table(io.BytesIO(data)).column_names == [column.name for column in table.columns]
    assert AuditEvent.objects.filter(verb=f"{table.name}.exported", actor=alice).count() == 1
    told = GoldenSight.objects.filter(study=frozen, user=alice, how=Sight.EXPORTED).exists()
    assert told is table.tells_golden


def test_tables_with_the_set_or_golden_images_only_tell_the_golden_set() -> None:
    telling = {table.name for table in TABLES if table.tells_golden}
    assert telling == {"labels", "assignments", "images", "consensus", "predictions"}
    assert all(table.tells_golden for table in TABLES if any(column.name == "set" for column in table.columns))


def test_a_lead_who_rates_takes_nothing_before_the_close(client: Client, frozen: Study, alice: User) -> None:
    Membership.objects.create(study=frozen, user=alice, code="R09", role=Role.RATER)
    client.force_login(alice)
    addresses = [reverse("study_export", args=[frozen.pk]), reverse("dictionary_export", args=[frozen.pk])]
    addresses += [reverse("labels_export", args=[frozen.pk]), *(table_url(frozen, table.name) for table in TABLES)]
    assert {client.get(address).status_code for address in addresses} == {403}
    assert not AuditEvent.objects.filter(verb__endswith=".exported").exists()
    Study.objects.filter(pk=frozen.pk).update(state=StudyState.CLOSED)
    assert {client.get(address).status_code for address in addresses} == {200}


@pytest.mark.parametrize(("table", "kind"), [("labels", "xlsx"), ("users", "csv")])
def test_what_there_is_not(client: Client, study: Study, alice: User, table: str, kind: str) -> None:
    client.force_login(alice)
    assert client.get(table_url(study, table, kind)).status_code == 404
    assert not GoldenSight.objects.exists()


def test_the_page_offers_every_table_and_says_who_was_admitted(
    client: Client, frozen: Study, alice: User, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Membership.objects.create(
        study=frozen, user=bob, code="R08", role=Role.RATER, admitted_reason="pilot data", admitted_by=alice
    )
    client.force_login(alice)
    address = reverse("study_export", args=[frozen.pk])
    with django_assert_num_queries(4):
        page = client.get(address).content.decode()
    for table in TABLES:
        for kind in Format:
            assert f'href="{table_url(frozen, table.name, kind)}"' in page
        assert all(f"<code>{column.name}</code>" in page for column in table.columns)
    assert "R08" in page and "pilot data" in page
    assert not GoldenSight.objects.exists()


def test_the_dictionary_has_every_column(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    answer = client.get(reverse("dictionary_export", args=[study.pk]))
    found = list(csv.reader(io.StringIO(answer.content.decode())))
    assert tuple(found[0]) == HEADING
    assert [tuple(row[:2]) for row in found[1:]] == [
        (table.name, column.name) for table in TABLES for column in table.columns
    ]
    assert all(row[2] and row[4] and row[5] for row in found[1:])


def test_the_documentation_has_the_dictionary_as_it_is() -> None:
    assert dictionary_markdown(TABLES) in DOCS.read_text()


def test_the_command_writes_any_table(frozen: Study, tmp_path: Path) -> None:
    out = tmp_path / "c.parquet"
    call_command("export", frozen.name, "consensus", "--format", "parquet", "--all-versions", "--out", str(out))
    assert pq.read_table(out).num_rows == 4
    assert list(tmp_path.iterdir()) == [out]
    told = io.StringIO()
    call_command("export", frozen.name, "raters", stdout=told)
    assert [row["rater"] for row in csv.DictReader(io.StringIO(told.getvalue()))] == ["R01", "R02", "R03"]
    assert AuditEvent.objects.filter(verb="raters.exported", actor=None).exists()


def test_a_file_that_can_not_be_written_is_named(frozen: Study, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be written"):
        call_command("export", frozen.name, "raters", "--out", str(tmp_path / "none" / "r.csv"))


def test_a_run_names_its_refused_golden_images_when_asked_to(client: Client, judged: TrainingRun, alice: User) -> None:
    client.force_login(alice)
    address = reverse("run", args=[judged.study_id, judged.number])
    page = client.get(address).content.decode()
    assert "No face was found." not in page and not GoldenSight.objects.exists()
    assert "No face was found." in client.get(address + "?names=shown").content.decode()
    assert GoldenSight.objects.get().user == alice
    assert "No face was found." in client.get(address).content.decode()
