"""What raters practise on: put together by the lead, and never one of the study's own images."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from PIL import Image as Picture

from accounts import audit
from accounts.models import AuditEvent, User
from labeler import file_store, practice
from labeler.copying import copy_study
from labeler.importing import ShownWithGrade, add_image
from labeler.importing_many import import_images
from labeler.models import Image, Level, Membership, PracticeItem, Study
from labeler.scales import LevelChange, set_scale
from labeler.sources import FileSource
from labeler.studies import LevelSpec
from labeler.teaching import OWN_IMAGE
from labeler.tests.drawn import jpeg
from labeler.tests.factories import signed_in

SCALE = [("Clear", 1), ("Almost clear", 2), ("Mild", 3), ("Moderate", 4), ("Severe", 5)]


def _add(study: Study, number: int, value: float = 3, remark: str = "") -> PracticeItem:
    return practice.add_item(study, jpeg(number), value, remark=remark, actor=audit.SYSTEM)


def _again(data: bytes, *, mirrored: bool = False, scale: float = 1.0, lighter: int = 0) -> bytes:
    """The same picture in another file."""
    pixels = np.asarray(Picture.open(io.BytesIO(data)).convert("RGB"))
    if mirrored:
        pixels = pixels[:, ::-1]
    pixels = np.clip(pixels.astype(int) + lighter, 0, 255).astype(np.uint8)
    size = round(pixels.shape[1] * scale), round(pixels.shape[0] * scale)
    out = io.BytesIO()
    Picture.fromarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)).save(out, "JPEG", quality=70)
    return out.getvalue()


COPIES = {
    "the same file": jpeg(7),
    "another encoding": _again(jpeg(7)),
    "another size": _again(jpeg(7), scale=2),
    "mirrored": _again(jpeg(7), mirrored=True),
    "lighter": _again(jpeg(7), lighter=15),
}


def _order(study: Study) -> list[int]:
    assert [item.order for item in practice.items_of(study)] == list(range(1, study.practice_items.count() + 1))
    return [item.pk for item in practice.items_of(study)]


def test_a_picture_is_added_moved_changed_and_removed(study: Study) -> None:
    first, second, third = (_add(study, number).pk for number in (1, 2, 3))
    assert practice.move_item(study, third, -1, actor=audit.SYSTEM)
    assert _order(study) == [first, third, second]
    assert not practice.move_item(study, first, -1, actor=audit.SYSTEM)
    assert practice.change_item(study, third, 5, remark=" Look. ", actor=audit.SYSTEM)
    item = PracticeItem.objects.get(pk=third)
    assert (item.level.value, item.remark) == (5, "Look.")
    assert not practice.change_item(study, third, 5, remark="Look.", actor=audit.SYSTEM)
    practice.remove_item(study, first, actor=audit.SYSTEM)
    assert _order(study) == [third, second]
    verbs = AuditEvent.objects.filter(verb__startswith="practice.").order_by("seq").values_list("verb", flat=True)
    assert list(verbs) == ["practice.added"] * 3 + ["practice.moved", "practice.changed", "practice.removed"]


@pytest.mark.django_db(transaction=True)
def test_a_removed_pictures_file_goes_unless_another_shows_the_same(study: Study) -> None:
    one, other = _add(study, 1), practice.add_item(study, jpeg(1) + b"\0", 4, actor=audit.SYSTEM)
    path = file_store.path_of(one.path)
    assert one.path == other.path and path.exists()
    practice.remove_item(study, one.pk, actor=audit.SYSTEM)
    assert path.exists()
    practice.remove_item(study, other.pk, actor=audit.SYSTEM)
    assert not path.exists()


@pytest.mark.parametrize("field, data, value", [("picture", b"no picture", 3), ("level", jpeg(1), 9)])
def test_what_is_wrong_is_told_by_its_field(study: Study, field: str, data: bytes, value: float) -> None:
    with pytest.raises(ValidationError) as refused:
        practice.add_item(study, data, value, actor=audit.SYSTEM)
    assert list(refused.value.message_dict) == [field]


def test_a_picture_is_there_once(study: Study) -> None:
    _add(study, 1)
    with pytest.raises(ValidationError, match="already"):
        _add(study, 1, 5)


@pytest.mark.parametrize("golden", [False, True])
@pytest.mark.parametrize("copy", COPIES)
def test_no_image_of_the_study_is_practised_on_or_an_example(study: Study, copy: str, golden: bool) -> None:
    add_image(study, "a.jpg", jpeg(7), actor=audit.SYSTEM, golden=golden)
    with pytest.raises(ValidationError) as refused:
        practice.add_item(study, COPIES[copy], 3, actor=audit.SYSTEM)
    assert refused.value.message_dict == {"picture": [OWN_IMAGE]}
    with pytest.raises(ValidationError, match="own images"):
        set_scale(study, _scale(study, example=COPIES[copy]), actor=audit.SYSTEM)


def test_other_pictures_are_taken_beside_the_studys(study: Study) -> None:
    for number in range(7, 27):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM)
    for number in range(27, 47):
        _add(study, number)
    assert study.practice_items.count() == 20


@pytest.mark.parametrize("what", ["practice", "example"])
@pytest.mark.parametrize("copy", COPIES)
def test_no_import_brings_in_what_raters_see_with_its_grade(study: Study, what: str, copy: str, tmp_path: Path) -> None:
    if what == "practice":
        _add(study, 7)
    else:
        set_scale(study, _scale(study, example=jpeg(7)), actor=audit.SYSTEM)
    for name, data in (("bad.jpg", COPIES[copy]), ("good.jpg", jpeg(8))):
        (tmp_path / name).write_bytes(data)
    sources = [FileSource(path.name, path) for path in sorted(tmp_path.iterdir())]
    report = import_images(study, sources, {}, actor=audit.SYSTEM, report=lambda *_: None)
    (refused,) = report.refused
    assert refused.name == "bad.jpg" and "Raters see this picture with its grade" in refused.reason
    assert report.added == 1 and Image.objects.filter(study=study).count() == 1
    # Nor does it lie in the store.
    assert len([path for path in file_store.path_of(f"studies/{study.pk}/originals").rglob("*") if path.is_file()]) == 1


def test_what_becomes_practice_while_an_import_runs_is_refused_at_its_end(study: Study) -> None:
    """The rows are written under the study's lock, and look again."""
    _add(study, 7)
    with pytest.raises(ShownWithGrade):
        add_image(study, "a.jpg", jpeg(7), actor=audit.SYSTEM, golden=True)
    assert not study.golden_items.exists()


def test_once_it_is_removed_it_can_come_in(study: Study) -> None:
    item = _add(study, 7)
    practice.remove_item(study, item.pk, actor=audit.SYSTEM)
    add_image(study, "a.jpg", jpeg(7), actor=audit.SYSTEM)


def _scale(study: Study, *, without: str = "", example: bytes | None = None) -> list[LevelChange]:
    ids = {level.value: level.pk for level in study.levels.all()}
    specs = [LevelSpec(value, name) for name, value in SCALE if name != without]
    return [LevelChange(spec, ids.get(spec.value), example=example if spec.value == 1 else None) for spec in specs]


def test_a_changed_scale_keeps_the_practice(study: Study) -> None:
    item = _add(study, 1, 4, "Look.")
    changes = [LevelChange(LevelSpec(level.value + 10, f"New {level.name}"), level.pk) for level in study.levels.all()]
    set_scale(study, changes, actor=audit.SYSTEM)
    item = PracticeItem.objects.get(pk=item.pk)
    assert (item.level.name, item.level.value, item.remark) == ("New Moderate", 14, "Look.")


def test_a_level_that_is_practised_on_stays(study: Study) -> None:
    _add(study, 1, 4)
    with pytest.raises(ValidationError, match="practice picture is to be graded Moderate"):
        set_scale(study, _scale(study, without="Moderate"), actor=audit.SYSTEM)
    assert Level.objects.filter(study=study, name="Moderate").exists()
    set_scale(study, _scale(study, without="Severe"), actor=audit.SYSTEM)
    assert study.practice_items.get().level.name == "Moderate"


def test_a_copied_study_has_the_practice_and_its_own_files(study: Study) -> None:
    _add(study, 1, 4, "Look.")
    _add(study, 2, 2)
    copy = copy_study(study, "Again", actor=audit.SYSTEM)
    items = practice.items_of(copy)
    assert [(item.order, item.level.value, item.level.study_id, item.remark) for item in items] == [
        (1, 4, copy.pk, "Look."),
        (2, 2, copy.pk, ""),
    ]
    assert all(item.path.startswith(f"studies/{copy.pk}/") and file_store.read(item.path) for item in items)


# --- The lead's page ---


@pytest.fixture
def client(alice: User) -> Client:
    return signed_in(alice)


def _page(study: Study) -> str:
    return reverse("study_practice", args=[study.pk])


def _send(client: Client, study: Study, data: bytes, **fields: object) -> str:
    picture = SimpleUploadedFile("p.jpg", data, "image/jpeg")
    sent = {"picture": picture, "level": "3.0", "remark": ""} | fields
    return client.post(_page(study), sent, follow=True).content.decode()


def test_a_lead_puts_the_practice_together_on_a_page(client: Client, study: Study) -> None:
    assert "is added" in _send(client, study, jpeg(1), remark="Look.")
    assert "is added" in _send(client, study, jpeg(2), level="5.0")
    first, second = practice.items_of(study)
    page = client.get(_page(study)).content.decode()
    assert "Look." in page and reverse("practice_picture", args=[study.pk, first.pk]) in page
    address = reverse("practice_item", args=[study.pk, first.pk])
    client.post(address, {"do": "down"})
    assert _order(study) == [second.pk, first.pk]
    assert (
        "is saved"
        in client.post(address, {"do": "change", "level": "1.0", "remark": "So."}, follow=True).content.decode()
    )
    assert PracticeItem.objects.get(pk=first.pk).level.value == 1
    client.post(address, {"do": "remove"})
    assert "taken away meanwhile" in client.post(address, {"do": "up"}, follow=True).content.decode()
    assert _order(study) == [second.pk]


def test_what_is_refused_is_told_beside_the_field(client: Client, study: Study) -> None:
    add_image(study, "a.jpg", jpeg(7), actor=audit.SYSTEM)
    page = _send(client, study, jpeg(7))
    assert OWN_IMAGE in page and not study.practice_items.exists()


def test_a_lead_sees_the_welcome_as_raters_do_and_can_not_start(client: Client, study: Study) -> None:
    _add(study, 1)
    page = client.get(reverse("practice_preview", args=[study.pk])).content.decode()
    assert "This is what raters see." in page and "Practise" in page
    assert client.post(reverse("practice_preview", args=[study.pk])).status_code == 405


def test_only_a_lead_gets_to_the_page(study: Study, bob_rates: Membership, bob: User, mallory: User) -> None:
    item = _add(study, 1)
    for user in (bob, mallory):
        for name, more in (("study_practice", []), ("practice_preview", []), ("practice_item", [item.pk])):
            address = reverse(name, args=[study.pk, *more])
            asked = signed_in(user)
            assert 404 in {asked.get(address).status_code, asked.post(address).status_code}
    assert study.practice_items.exists()


def test_a_new_study_welcomes_raters_unless_the_lead_says_otherwise(root: User) -> None:
    client = signed_in(root)
    form = {"scale": "published", "levels-TOTAL_FORMS": 0, "levels-INITIAL_FORMS": 0}
    page = client.get(reverse("study_new")).content.decode()
    assert 'name="welcome"' in page and "checked" in page
    client.post(reverse("study_new"), form | {"name": "With", "welcome": "on"})
    client.post(reverse("study_new"), form | {"name": "Without"})
    assert dict(Study.objects.values_list("name", "welcome")) == {"With": True, "Without": False}


def test_practice_by_command(study: Study, tmp_path: Path) -> None:
    (tmp_path / "p.jpg").write_bytes(jpeg(1))
    call_command("add_practice", study.name, str(tmp_path / "p.jpg"), "--level", "4", "--remark", "Look.")
    item = study.practice_items.get()
    assert (item.level.name, item.remark) == ("Moderate", "Look.")
    (tmp_path / "p.jpg").write_bytes(jpeg(2))
    with pytest.raises(CommandError, match="no level of the value 9"):
        call_command("add_practice", study.name, str(tmp_path / "p.jpg"), "--level", "9")
