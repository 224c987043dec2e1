"""Whoever has the database and the files tries to change what was fixed: each try is found."""

from __future__ import annotations

import hashlib
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts import audit
from labeler import commitments, file_store, golden, labelling
from labeler.assignment import assign
from labeler.changes import add_late_rater, deal_added
from labeler.models import Assignment, Commitment, GoldenItem, Image, ImageName, Study, StudyState
from labeler.studies import create_study, set_state
from labeler.tests.running import add_images, queue_of, rater, raters_of, running
from labeler.verification import verify

pytestmark = pytest.mark.django_db


def _drawn(*, column: str = "", chosen: int = 0, draw: int = 12, overlap: int = 2) -> Study:
    """A study whose golden set was drawn, with clusters, overlap and repeats."""
    study = create_study("Drawn", actor=audit.SYSTEM, lead=None, seed=99)
    study.overlap, study.repeat_share = overlap, 0.1
    study.save()
    images = add_images(study, (1,) * 40 + (2, 3, 4) * 4)
    ImageName.objects.bulk_create(
        ImageName(image=image, study=study, name=f"{image.pk}.jpg", metadata={"camera": "ab"[number % 3 == 0]})
        for number, image in enumerate(images)
    )
    for _ in range(4):
        rater(study)
    if chosen:
        golden.choose(study, [image.pk for image in images[:chosen]], actor=audit.SYSTEM)
    golden.plan_draw(study, draw, column, actor=audit.SYSTEM)
    assign(study, actor=audit.SYSTEM)
    study.refresh_from_db()
    return study


def _close(study: Study) -> None:
    set_state(study, StudyState.CLOSED, actor=audit.SYSTEM)


@pytest.mark.parametrize(("column", "chosen"), [("", 0), ("camera", 0), ("", 3), ("camera", 3)])
def test_draw_folds_and_orders_are_drawn_again_from_the_seed(column: str, chosen: int) -> None:
    study = _drawn(column=column, chosen=chosen)
    for member in raters_of(study):
        labelling.window(member, 5)
    add_images(study, (1, 2, 3))
    add_late_rater(study, rater(study), actor=audit.SYSTEM)
    deal_added(study, actor=audit.SYSTEM)
    _close(study)
    found = verify(study)
    assert found.all_problems == () and found.redone


def test_more_raters_than_images_hold_too() -> None:
    study = running(raters=5, training=(1,) * 3, golden=0)
    assert verify(study).all_problems == () and verify(study).redone


def _publish(study: Study, change: str, to: str) -> None:
    """The first commitment anew, of a document in which something was changed before anybody saw it."""
    row = Commitment.objects.get(study=study, number=1)
    text = file_store.read(row.path).decode()
    forged = re.sub(change, to, text, count=1, flags=re.M).encode()
    assert forged != text.encode()
    sha256 = hashlib.sha256(forged).hexdigest()
    path = f"studies/{study.pk}/commitments/1-{sha256}.txt"
    file_store.keep(path, forged)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE labeler_commitment DISABLE TRIGGER USER")
        cursor.execute("UPDATE labeler_commitment SET sha256 = %s, path = %s WHERE id = %s", [sha256, path, row.pk])
        cursor.execute("ALTER TABLE labeler_commitment ENABLE TRIGGER USER")


@pytest.mark.parametrize(
    ("change", "to", "problem"),
    [
        (r"^(order R01 .*\n)(order R01 .*\n)", r"\2\1", "order of R01 is not what its seed gives"),
        (r"^fold R01 (\d+)\n", r"", "fold of R01 is not what its seed gives"),
        (r"^seed \d+$", "seed 100", "not what its seed gives"),
        (r"^overlap 2$", "overlap 1", "not what its seed gives"),
        (r"^image (\d+) (\w+) \d+$", r"image \1 \2", "can’t be what a dealing wrote"),
        (r"^golden \d+$", r"golden word", "can’t be what a dealing wrote"),
    ],
)
def test_what_was_not_drawn_from_the_seed_is_found(change: str, to: str, problem: str) -> None:
    study = _drawn()
    _publish(study, change, to)
    assert problem in " ".join(verify(study).all_problems)


def test_a_golden_set_that_was_picked_and_called_drawn_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "drawn", lambda clusters, size, seed: [groups[0] for groups in clusters[""][:size]])
    found = verify(_drawn())
    assert found.problems == ("The golden images of the first document that were drawn are not what its seed gives.",)


def test_an_order_changed_just_before_the_close_is_found() -> None:
    study = running()
    first, *_, last = queue_of(raters_of(study)[0])
    Assignment.objects.filter(pk=first.pk).update(sort_key=last.sort_key + 1)
    _close(study)
    assert "between the last event and the close" in " ".join(verify(study).all_problems)


def test_an_image_that_was_dealt_does_not_become_golden() -> None:
    study = running()
    member = raters_of(study)[0]
    image = member.folds.get().items.values_list("image_id", flat=True)[0]
    member.folds.get().items.filter(image=image).delete()
    GoldenItem.objects.create(study=study, image_id=image)
    add_late_rater(study, rater(study), actor=audit.SYSTEM)
    assert f"image {image} was dealt for training before, and is golden now" in " ".join(verify(study).all_problems)


def test_an_image_that_is_dealt_to_nobody_any_more_is_found() -> None:
    study = running()
    raters_of(study)[0].folds.get().items.all()[:1].get().delete()
    commitments.commit(study, commitments.RATER_ADDED, actor=audit.SYSTEM)
    assert "1 images that were dealt before are no longer" in " ".join(verify(study).all_problems)


def test_an_image_replaced_while_the_study_ran_is_found() -> None:
    study = running()
    Image.objects.filter(pk=GoldenItem.objects.filter(study=study)[0].image_id).update(sha256="ab" * 32)
    _close(study)
    found = verify(study)
    assert [one.holds for one in found.commitments] == [False, True]
    assert "1 of its images are not those that the database has now" in found.all_problems[0]


def test_a_last_commitment_that_was_taken_away_is_found() -> None:
    study = running()
    _close(study)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE labeler_commitment DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM labeler_commitment WHERE study_id = %s AND number = 2", [study.pk])
        cursor.execute("ALTER TABLE labeler_commitment ENABLE TRIGGER USER")
    assert "the commitment of its close is not there" in " ".join(verify(study).all_problems)


def test_clusters_found_after_the_last_commitment_change_nothing() -> None:
    study = running(training=(1,) * 10)
    _close(study)
    Image.objects.filter(study=study).update(cluster=Image.objects.filter(study=study).earliest("pk").pk)
    assert verify(study).all_problems == ()


def test_a_file_replaced_in_the_store_is_found_by_the_command() -> None:
    study = running(raters=1, training=(1,), golden=1)
    for number, image in enumerate(Image.objects.filter(study=study)):
        data = f"picture {number}".encode()
        sha256 = hashlib.sha256(data).hexdigest()
        path = file_store.keep_original(study.pk, data)
        Image.objects.filter(pk=image.pk).update(sha256=sha256, original=path)
    with pytest.raises(CommandError) as told:  # the database has other pictures now, but their files are right
        call_command("verify_commitment", str(study.pk), "--files")
    assert "its file" not in str(told.value)
    file_store.path_of(path).write_bytes(b"another")
    with pytest.raises(CommandError, match=rf"Image {image.pk}: its file was changed"):
        call_command("verify_commitment", str(study.pk), "--files")
    file_store.path_of(path).unlink()
    with pytest.raises(CommandError, match=rf"Image {image.pk}: its file is not in the store"):
        call_command("verify_commitment", str(study.pk), "--files")
