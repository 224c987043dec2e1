"""Pictures come in: what is stored, what is recognised, what is refused."""

import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from PIL import Image as Picture
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEvent, User
from labeler import file_store
from labeler.import_report import ImportReport
from labeler.import_table import Facts
from labeler.importing import NameTaken, Outcome, add_image, prepare
from labeler.importing_many import import_images
from labeler.models import (
    Assignment,
    GoldenItem,
    GoldenSight,
    Image,
    ImageName,
    Membership,
    Person,
    Rendition,
    Sight,
    Study,
    StudyState,
)
from labeler.prescreening import Rule, Thresholds
from labeler.sight import StillRating
from labeler.sources import RefusedSource, Source, natural_key, scan_folder
from labeler.tasks import sweep_uploads
from labeler.tests.drawn import jpeg
from mlcore.images import ImageRejected


def _import(
    study: Study, folder: Path, facts: dict[str, Facts] | None = None, actor: Actor = audit.SYSTEM
) -> ImportReport:
    study.refresh_from_db()
    return import_images(study, scan_folder(folder), facts or {}, actor=actor, report=lambda done, total, message: None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures; image_10 has the bytes of image_2, one file is broken."""
    for number in (1, 2, 3):
        (tmp_path / f"image_{number}.jpg").write_bytes(jpeg(number))
    (tmp_path / "image_10.jpg").write_bytes(jpeg(2))
    (tmp_path / "image_4.jpg").write_bytes(jpeg(4)[:300])
    (tmp_path / ".hidden").write_bytes(b"not looked at")
    return tmp_path


def test_an_original_is_kept_byte_for_byte(study: Study) -> None:
    data = jpeg(1, gps=True, orientation=6)
    added = add_image(study, "a.jpg", data, actor=audit.SYSTEM)
    assert file_store.read(added.image.original) == data
    assert added.outcome is Outcome.NEW


def test_what_raters_are_served_stands_upright_and_holds_no_metadata(study: Study) -> None:
    image = add_image(study, "a.jpg", jpeg(1, width=96, height=72, orientation=6, gps=True), actor=audit.SYSTEM).image
    rendition = Rendition.objects.get(image=image)
    served = file_store.read(rendition.path)
    picture = Picture.open(io.BytesIO(served))
    assert picture.size == (rendition.width, rendition.height) == (image.width, image.height) == (72, 96)
    assert not dict(picture.getexif()) and b"Exif" not in served
    assert rendition.bytes == len(served)
    luma = np.asarray(picture.convert("L"))
    assert luma[:48].mean() < luma[48:].mean()  # the dark left half has become the top


def test_a_renditions_path_tells_neither_content_nor_name(study: Study) -> None:
    image = add_image(study, "severe_7.jpg", jpeg(1), actor=audit.SYSTEM).image
    assert image.sha256 is not None
    assert image.sha256[:8] not in image.rendition.path and "severe" not in image.rendition.path


def test_the_same_content_becomes_a_second_name(study: Study) -> None:
    first = add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM)
    second = add_image(study, "b.jpg", jpeg(1), actor=audit.SYSTEM)
    assert second.outcome is Outcome.SAME_CONTENT and second.first_name == "a.jpg"
    assert second.image == first.image
    assert (first.name.repeat, second.name.repeat) == (0, 1)


def test_adding_again_changes_nothing(study: Study) -> None:
    add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM)
    events = AuditEvent.objects.count()
    again = add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM)
    assert again.outcome is Outcome.UNCHANGED
    assert (Image.objects.count(), ImageName.objects.count(), AuditEvent.objects.count()) == (1, 1, events)


def test_a_name_with_other_content_is_refused(study: Study) -> None:
    add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM)
    with pytest.raises(NameTaken, match=r"a\.jpg"):
        add_image(study, "a.jpg", jpeg(2), actor=audit.SYSTEM)


def test_a_broken_file_leaves_no_row(study: Study) -> None:
    with pytest.raises(ImageRejected):
        add_image(study, "a.jpg", b"<html>", actor=audit.SYSTEM)
    assert not Image.objects.exists()


def test_one_content_is_one_image_in_each_of_two_studies(study: Study, alice: object) -> None:
    other = Study.objects.create(name="Another")
    first = add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM).image
    second = add_image(other, "a.jpg", jpeg(1), actor=audit.SYSTEM).image
    assert first.pk != second.pk and first.original != second.original


def test_golden_and_person_and_metadata_are_kept(study: Study) -> None:
    added = add_image(
        study, "a.jpg", jpeg(1), actor=audit.SYSTEM, golden=True, person="75", metadata={"clinic": "north"}
    )
    assert added.made_golden and GoldenItem.objects.get().image == added.image
    assert Person.objects.get().external_id == "75"
    assert added.name.metadata == {"clinic": "north"}


@pytest.mark.parametrize("state", [StudyState.LABELLING, StudyState.PAUSED])
def test_images_come_into_a_study_that_runs_and_wait_there(study: Study, state: StudyState) -> None:
    Study.objects.filter(pk=study.pk).update(state=state)
    added = add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM)
    assert added.outcome is Outcome.NEW and added.image.cluster is None
    assert not Assignment.objects.exists()


def test_a_closed_studys_images_are_fixed(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED)
    with pytest.raises(ValidationError, match="fixed"):
        add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM)


@pytest.mark.parametrize("state", [StudyState.LABELLING, StudyState.PAUSED])
def test_nothing_becomes_golden_once_the_study_has_begun(study: Study, folder: Path, state: StudyState) -> None:
    Study.objects.filter(pk=study.pk).update(state=state)
    with pytest.raises(ValidationError, match="Golden images are chosen while a study is being set up"):
        add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM, golden=True)
    with pytest.raises(ValidationError, match="Golden images are chosen while a study is being set up"):
        _import(study, folder, {"image_1.jpg": Facts(golden=True)})
    assert not Image.objects.exists() and not GoldenItem.objects.exists()


def test_who_is_in_a_picture_that_was_dealt_stays_as_it_is(study: Study, folder: Path) -> None:
    """It would join clusters that are in two folds by now."""
    _import(study, folder)
    Study.objects.filter(pk=study.pk).update(state=StudyState.LABELLING)
    (folder / "new.jpg").write_bytes(jpeg(99))
    report = _import(study, folder, {"image_1.jpg": Facts(person="9"), "new.jpg": Facts(person="9")})
    assert [note.name for note in report.notes] == ["image_1.jpg"]
    assert Image.objects.get(person__external_id="9").names.get().name == "new.jpg"


def test_who_brings_a_table_of_golden_images_has_seen_them(study: Study, folder: Path, alice: User) -> None:
    actor = Actor(user=alice)
    _import(study, folder, {"image_1.jpg": Facts()}, actor=actor)
    assert not GoldenSight.objects.exists()
    _import(study, folder, {"image_1.jpg": Facts(golden=True)}, actor=actor)
    assert GoldenSight.objects.get().user == alice and GoldenSight.objects.get().how == Sight.IMPORTED


def test_who_rates_brings_no_golden_images(study: Study, folder: Path, bob: User, bob_rates: Membership) -> None:
    with pytest.raises(StillRating):
        _import(study, folder, {"image_1.jpg": Facts(golden=True)}, actor=Actor(user=bob))
    with pytest.raises(StillRating):
        add_image(study, "a.jpg", jpeg(1), actor=Actor(user=bob), golden=True)
    assert not Image.objects.exists()


def test_what_the_prescreening_rejects_is_imported_and_marked(study: Study, folder: Path) -> None:
    Study.objects.filter(pk=study.pk).update(prescreen=Thresholds(least_side=5_000).to_store())
    report = _import(study, folder)
    assert (report.added, report.rejected) == (3, 3) and "3 of them rejected" in report.sentence()
    image = Image.objects.filter(study=study).earliest("pk")
    assert image.rejected_code == Rule.SMALL and "pixels" in image.rejected_reason


def test_rows_come_in_batches_of_a_handful_of_statements(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(number))
    monkeypatch.setattr("labeler.importing_many.BATCH_SECONDS", 600)
    with django_assert_max_num_queries(32):
        assert _import(study, tmp_path).added == 60


def test_sources_are_taken_as_they_are_listed(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labeler.importing_many.BATCH", 5)
    listed: list[int] = []
    ahead: list[int] = []

    def listing() -> Iterator[Source]:
        for number in range(60):
            listed.append(number)
            yield RefusedSource(f"{number}.jpg", "It is not there.", "Look elsewhere.")

    def report(done: int, total: int, message: str) -> None:
        ahead.append(len(listed) - done)

    outcome = import_images(study, listing(), {}, actor=audit.SYSTEM, report=report)
    assert outcome.refused_count == 60 and max(ahead) <= 10


def test_a_picture_that_was_erased_does_not_come_back_by_its_name(study: Study, folder: Path) -> None:
    _import(study, folder)
    image = ImageName.objects.get(name="image_1.jpg").image
    path = file_store.path_of(image.original)
    path.unlink()
    Image.objects.filter(pk=image.pk).update(
        sha256=None, perceptual_hash=None, original="", erased_at=timezone.now(), erased_reason="asked for"
    )
    report = _import(study, folder)
    assert "image_1.jpg" in [refused.name for refused in report.refused] and report.added == 0
    assert not path.exists()


def test_what_is_refused_for_its_name_leaves_no_file(study: Study, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    _import(study, tmp_path)
    before = _stored(study)
    (tmp_path / "a.jpg").write_bytes(jpeg(2))
    report = _import(study, tmp_path)
    assert "different picture" in report.refused[0].reason and "Rename" in report.refused[0].remedy
    assert _stored(study) == before


def _stored(study: Study) -> set[Path]:
    return {path for path in file_store.path_of(f"studies/{study.pk}").rglob("*") if path.is_file()}


def test_the_audit_trail_keeps_no_name_and_no_content(study: Study) -> None:
    """An erased picture must be gone; what can't be erased must not hold it."""
    image = add_image(study, "Anna.jpg", jpeg(1), actor=audit.SYSTEM).image
    event = AuditEvent.objects.get(verb="image.added")
    assert "Anna" not in str(event.after) and str(image.sha256) not in str(event.after)


def test_names_are_ordered_as_people_count() -> None:
    names = ["image_10.jpg", "Image_9.jpg", "image_1.jpg", "b", "7.jpg"]
    assert sorted(names, key=natural_key) == ["7.jpg", "b", "image_1.jpg", "Image_9.jpg", "image_10.jpg"]


def test_a_folder_comes_in_and_the_broken_file_is_named(study: Study, folder: Path) -> None:
    report = _import(study, folder)
    assert report.added == 3
    assert [(same.name, same.first_name) for same in report.same_content] == [("image_10.jpg", "image_2.jpg")]
    assert [refused.name for refused in report.refused] == ["image_4.jpg"]
    assert "damaged" in report.refused[0].reason
    repeats = dict(ImageName.objects.values_list("name", "repeat"))
    assert repeats == {"image_1.jpg": 0, "image_2.jpg": 0, "image_3.jpg": 0, "image_10.jpg": 1}


def test_importing_a_folder_again_adds_nothing_and_says_so(study: Study, folder: Path) -> None:
    facts = {"image_1.jpg": Facts(golden=True, person="9")}
    _import(study, folder, facts)
    before = AuditEvent.objects.count()
    again = _import(study, folder, facts)
    assert (again.added, again.unchanged, again.golden, again.same_content) == (0, 4, 0, [])
    assert AuditEvent.objects.count() == before


def test_an_unchanged_picture_is_not_decoded_again(study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "image_4.jpg").unlink()
    _import(study, folder)
    decoded: list[int] = []
    monkeypatch.setattr("labeler.importing_many.look", lambda data, sha256: decoded.append(len(data)))
    assert _import(study, folder).unchanged == 4 and not decoded


def test_a_second_table_may_add_golden_images_and_persons(study: Study, folder: Path) -> None:
    _import(study, folder)
    report = _import(study, folder, {"image_1.jpg": Facts(golden=True, person="9")})
    assert (report.added, report.unchanged, report.golden) == (0, 4, 1)
    assert GoldenItem.objects.get().image.person == Person.objects.get(external_id="9")
    event = AuditEvent.objects.get(verb="image.person_set")
    assert (event.target_id, event.after) == (GoldenItem.objects.get().image_id, {"person": Person.objects.get().pk})


def test_a_table_that_names_somebody_else_changes_nothing_and_is_noted(study: Study, folder: Path) -> None:
    _import(study, folder, {"image_1.jpg": Facts(person="9")})
    report = _import(study, folder, {"image_1.jpg": Facts(person="10")})
    assert [note.name for note in report.notes] == ["image_1.jpg"]
    assert ImageName.objects.get(name="image_1.jpg").image.person == Person.objects.get(external_id="9")


@pytest.mark.parametrize("stop_after", [1, 2, 4])
def test_an_interrupted_import_is_finished_by_doing_it_again(
    study: Study, folder: Path, stop_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def killer(limit: int) -> Callable[[int, int, str], None]:
        def report(done: int, total: int, message: str) -> None:
            if done == limit:
                raise Killed

        return report

    monkeypatch.setattr("labeler.importing_many.BATCH", 1)
    with pytest.raises(Killed):
        import_images(study, scan_folder(folder), {}, actor=audit.SYSTEM, report=killer(stop_after))
    _import(study, folder)
    repeats = dict(ImageName.objects.values_list("name", "repeat"))
    assert repeats == {"image_1.jpg": 0, "image_2.jpg": 0, "image_3.jpg": 0, "image_10.jpg": 1}
    renditions = {file_store.path_of(path) for path in Rendition.objects.values_list("path", flat=True)}
    stored = {path for path in file_store.path_of(f"studies/{study.pk}/renditions").rglob("*") if path.is_file()}
    assert stored == renditions  # nothing lies about that no row knows


def test_a_kill_between_file_and_row_leaves_no_second_file(study: Study) -> None:
    from_before = prepare(study.pk, jpeg(1))  # files are there, rows are not
    image = add_image(study, "a.jpg", jpeg(1), actor=audit.SYSTEM).image
    assert (image.original, image.rendition.path) == (from_before.original, from_before.rendition)


def test_what_a_kill_left_of_a_file_goes_after_a_day(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("labeler.file_store.os.fsync", killed)
        patch.setattr("labeler.file_store.Path.unlink", lambda path, missing_ok=False: None)  # as after kill -9
        prepare(study.pk, jpeg(1))
    left = list(file_store.path_of("studies/.parts").iterdir())
    assert len(left) == 1 and left[0].read_bytes() == jpeg(1)
    sweep_uploads()
    assert left[0].exists()  # somebody may be writing it
    long_ago = time.time() - file_store.PART_SECONDS - 60
    os.utime(left[0], (long_ago, long_ago))
    sweep_uploads()
    assert not left[0].exists()
    prepare(study.pk, jpeg(1))
    assert not list(file_store.path_of("studies/.parts").iterdir())


def test_files_in_folders_are_named_by_their_path(study: Study, tmp_path: Path) -> None:
    (tmp_path / "left").mkdir()
    (tmp_path / "left" / "a.jpg").write_bytes(jpeg(1))
    assert [source.name for source in scan_folder(tmp_path)] == ["left/a.jpg"]


def test_a_name_that_is_no_unicode_is_refused_readably(study: Study, tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.jpg").write_bytes(jpeg(1))
    report = _import(study, tmp_path)
    assert report.refused[0].name == "caf\\udce9.jpg" and "Unicode" in report.refused[0].reason
