"""Which pictures the rules reject, what a lead can say over them, and that what was dealt stays."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import cv2
import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from accounts import audit
from accounts.models import AuditEvent
from labeler.models import Assignment, Examination, Image, Membership, Study, StudyState
from labeler.prescreening import overrule, preview, screen, set_thresholds
from labeler.tests.factories import deal, make_image
from labeler.thresholds import Rule, Thresholds, checks, judge
from mlcore.quality import Quality, measure
from mlcore.records import Pixels
from mlcore.synthetic import CohortConfig, cohort, draw_face

GOOD = Quality(1000, 1200, brightness=110, contrast=50, dark_share=0.01, bright_share=0.01, sharpness=150)
EVERYTHING = Thresholds(needs_face=True, one_face=True, least_face=0.2)


@pytest.mark.parametrize(
    "rule, quality, faces, share",
    [
        (Rule.SMALL, replace(GOOD, height=255), 1, 0.5),
        (Rule.DARK, replace(GOOD, brightness=34.9), 1, 0.5),
        (Rule.BRIGHT, replace(GOOD, bright_share=0.41), 1, 0.5),
        (Rule.BLUR, replace(GOOD, sharpness=3.9), 1, 0.5),
        (Rule.NO_FACE, GOOD, 0, None),
        (Rule.MANY_FACES, GOOD, 2, 0.5),
        (Rule.SMALL_FACE, GOOD, 1, 0.19),
    ],
)
def test_each_rule_rejects_what_fails_it_alone(
    rule: Rule, quality: Quality, faces: int | None, share: float | None
) -> None:
    failure = judge(EVERYTHING, quality, faces, share)
    assert failure is not None and failure.code == rule and failure.remedy
    assert judge(Thresholds.off(), quality, faces, share) is None
    failed = [check.rule for check in checks(EVERYTHING, quality, faces, share) if not check.passes]
    assert failed == [rule]


def test_what_is_exactly_as_asked_passes() -> None:
    edge = Quality(256, 256, brightness=35, contrast=50, dark_share=0, bright_share=0.4, sharpness=4)
    assert judge(EVERYTHING, edge, 1, 0.2) is None


def test_what_was_not_measured_fails_nothing() -> None:
    assert judge(EVERYTHING, None) is None
    assert judge(EVERYTHING, GOOD) is None


def test_faces_are_not_asked_for_unless_the_lead_does() -> None:
    assert judge(Thresholds(), GOOD, 0, None) is None
    assert judge(Thresholds(), GOOD, 3, 0.01) is None


@pytest.mark.parametrize(
    "asked, quality, words",
    [
        (Thresholds(least_sharpness=40), replace(GOOD, sharpness=12.3), "Blurred: sharpness 12, asked at least 40."),
        (Thresholds(), replace(GOOD, sharpness=3.96), "Blurred: sharpness 3.96, asked at least 4."),
        (Thresholds(), replace(GOOD, width=120), "Too few pixels: shorter side 120 pixels, asked at least 256."),
        (Thresholds(), replace(GOOD, bright_share=0.52), "Over-exposed: 52 % nearly white, asked at most 40."),
    ],
)
def test_a_reason_names_both_figures(asked: Thresholds, quality: Quality, words: str) -> None:
    failure = judge(asked, quality)
    assert failure is not None and failure.reason == words


def test_what_is_stored_is_what_differs_from_the_usual() -> None:
    asked = Thresholds(least_side=None, least_sharpness=6)
    assert asked.to_store() == {"least_side": None, "least_sharpness": 6}
    assert Thresholds.from_stored(asked.to_store()) == asked
    assert Thresholds.from_stored({}) == Thresholds()
    assert Thresholds().to_store() == {}


def _drawn() -> list[Pixels]:
    config = CohortConfig(size=12, seed=5)
    return [draw_face(subject, config).pixels for subject in cohort(config)]


def test_good_faces_pass_and_spoilt_ones_do_not() -> None:
    def code(pixels: np.ndarray) -> str:
        failure = judge(Thresholds(), measure(np.clip(pixels, 0, 255).astype(np.uint8)))
        return failure.code if failure else ""

    for face in _drawn():
        assert code(face) == ""
        assert code(face / 8.0) == Rule.DARK
        assert code(face * 3.0) == Rule.BRIGHT
        assert code(cv2.GaussianBlur(face, (0, 0), 4)) == Rule.BLUR
        assert code(face[::4, ::4]) == Rule.SMALL


def _image(study: Study, number: int, **figures: float) -> Image:
    image = make_image(study, number)
    image.quality = {**{name: getattr(GOOD, name) for name in GOOD.__dataclass_fields__}, **figures}
    image.save(update_fields=["quality"])
    return image


@pytest.fixture
def pictures(study: Study) -> list[Image]:
    """A good one, a dark one, and two blurred ones, in a study with the usual thresholds."""
    Study.objects.filter(pk=study.pk).update(prescreen={})
    study.refresh_from_db()
    figures: list[dict[str, float]] = [{}, {"brightness": 20}, {"sharpness": 2}, {"sharpness": 3}]
    return [_image(study, number, **changed) for number, changed in enumerate(figures, start=1)]


def _codes(study: Study) -> list[str]:
    return list(Image.objects.filter(study=study).order_by("pk").values_list("rejected_code", flat=True))


def test_screening_rejects_and_takes_back(study: Study, pictures: list[Image]) -> None:
    found = screen(study, actor=audit.SYSTEM)
    assert (found.judged, found.by_rule, found.rejects, found.takes_back) == (4, {"dark": 1, "blur": 2}, 3, 0)
    assert _codes(study) == ["", "dark", "blur", "blur"]
    found = set_thresholds(study, Thresholds(least_brightness=None, least_sharpness=2.5), actor=audit.SYSTEM)
    assert (found.by_rule, found.rejects, found.takes_back) == ({"blur": 1}, 0, 2)
    assert _codes(study) == ["", "", "blur", ""]
    study.refresh_from_db()
    assert study.prescreen == {"least_brightness": None, "least_sharpness": 2.5}


def test_screening_twice_changes_and_records_nothing_more(study: Study, pictures: list[Image]) -> None:
    first = screen(study, actor=audit.SYSTEM)
    again = screen(study, actor=audit.SYSTEM)
    assert (again.by_rule, again.rejects, again.takes_back) == (first.by_rule, 0, 0)
    event = AuditEvent.objects.get(verb="images.screened")
    assert event.after == {"judged": 4, "by_rule": {"dark": 1, "blur": 2}, "rejects": 3, "takes_back": 0}


def test_a_preview_writes_nothing(study: Study, pictures: list[Image]) -> None:
    found = preview(study, Thresholds(least_sharpness=200))
    assert (found.judged, found.rejected) == (4, 4)
    assert _codes(study) == ["", "", "", ""] and not AuditEvent.objects.filter(verb="images.screened").exists()


def test_the_examination_counts_once_it_is_there(study: Study, pictures: list[Image]) -> None:
    set_thresholds(study, Thresholds(needs_face=True), actor=audit.SYSTEM)
    assert _codes(study)[0] == ""
    Examination.objects.create(image=pictures[0], faces=0, examiner="test")
    screen(study, actor=audit.SYSTEM)
    assert _codes(study)[0] == "no_face"


def test_the_leads_word_outlasts_every_screening(study: Study, pictures: list[Image]) -> None:
    screen(study, actor=audit.SYSTEM)
    good, _, blurred, _ = pictures
    assert overrule(study, [blurred.pk], True, "the forehead is sharp", actor=audit.SYSTEM) == 1
    assert overrule(study, [good.pk], False, "a poster", actor=audit.SYSTEM) == 1
    set_thresholds(study, Thresholds(least_sharpness=None), actor=audit.SYSTEM)
    set_thresholds(study, Thresholds(), actor=audit.SYSTEM)
    kept, rejected = Image.objects.get(pk=blurred.pk), Image.objects.get(pk=good.pk)
    assert kept.rejection_overridden_at is not None and kept.rejected_code == "blur"
    assert (rejected.rejected_code, rejected.rejected_reason) == ("lead", "a poster")
    last = AuditEvent.objects.filter(verb="images.overruled").latest("seq")
    assert last.after == {"keep": False, "reason": "a poster", "images": [good.pk]}


def test_a_kept_picture_can_be_rejected_after_all(study: Study, pictures: list[Image]) -> None:
    screen(study, actor=audit.SYSTEM)
    overrule(study, [pictures[2].pk], True, "sharp enough", actor=audit.SYSTEM)
    overrule(study, [pictures[2].pk], False, "no, it is not", actor=audit.SYSTEM)
    image = Image.objects.get(pk=pictures[2].pk)
    assert (image.rejected_code, image.rejection_overridden_at) == ("lead", None)


def test_saying_what_holds_already_changes_and_records_nothing(study: Study, pictures: list[Image]) -> None:
    assert overrule(study, [pictures[0].pk], True, "it is good", actor=audit.SYSTEM) == 0
    assert not AuditEvent.objects.filter(verb="images.overruled").exists()


def test_a_word_without_reason_or_on_other_pictures_is_refused(study: Study, pictures: list[Image]) -> None:
    other = Study.objects.create(name="Another")
    stranger = make_image(other, 9)
    for images, reason in (([pictures[0].pk], " "), ([stranger.pk], "x"), ([], "x"), ([pictures[0].pk, 0], "x")):
        with pytest.raises(ValidationError):
            overrule(study, images, False, reason, actor=audit.SYSTEM)
    assert not Image.objects.exclude(rejected_reason="").exists()


def test_what_was_dealt_stays_as_it_is(study: Study, bob_rates: Membership, pictures: list[Image]) -> None:
    deal(bob_rates, pictures[:2])
    Study.objects.filter(pk=study.pk).update(state=StudyState.LABELLING)
    found = screen(study, actor=audit.SYSTEM)
    assert (found.judged, _codes(study)) == (2, ["", "", "blur", "blur"])
    with pytest.raises(ValidationError, match="dealt"):
        overrule(study, [pictures[0].pk], False, "too late", actor=audit.SYSTEM)
    assert overrule(study, [pictures[2].pk], True, "a late word", actor=audit.SYSTEM) == 1


def test_grades_made_elsewhere_deal_nothing(study: Study, bob_rates: Membership, pictures: list[Image]) -> None:
    Assignment.objects.create(membership=bob_rates, image=pictures[2], rendition=None, sort_key=1)
    assert screen(study, actor=audit.SYSTEM).judged == 4


def test_a_closed_study_stays_as_it_is(study: Study, pictures: list[Image]) -> None:
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED)
    for act in (
        lambda: screen(study, actor=audit.SYSTEM),
        lambda: set_thresholds(study, Thresholds.off(), actor=audit.SYSTEM),
        lambda: overrule(study, [pictures[0].pk], False, "x", actor=audit.SYSTEM),
    ):
        with pytest.raises(ValidationError, match="closed"):
            act()


def test_erased_pictures_are_not_judged(study: Study, pictures: list[Image]) -> None:
    gone = {"sha256": None, "perceptual_hash": None, "original": "", "erased_reason": "asked for"}
    Image.objects.filter(pk=pictures[1].pk).update(erased_at="2024-01-01T00:00Z", **gone)
    assert screen(study, actor=audit.SYSTEM).judged == 3
    with pytest.raises(ValidationError):
        overrule(study, [pictures[1].pk], True, "x", actor=audit.SYSTEM)


def _told(*arguments: str) -> str:
    out = StringIO()
    call_command("prescreen", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_tells_by_rule_and_sets(study: Study, pictures: list[Image]) -> None:
    assert "1 of 4 pictures would be rejected" in _told(study.name, "--set", "least_sharpness=off", "--dry-run")
    assert _codes(study) == ["", "", "", ""]
    told = _told(study.name, "--set", "least_sharpness=2.5", "--set", "most_bright=50", "--set", "needs_face=on")
    assert "2 of 4 pictures are rejected by the rules." in told
    assert "Under-exposed: 1" in told and "Blurred: 1" in told
    study.refresh_from_db()
    assert study.prescreen == {"least_sharpness": 2.5, "most_bright": 0.5, "needs_face": True}
    _told(study.name, "--set", "least_sharpness=usual", "--set", "most_bright=usual", "--set", "needs_face=off")
    study.refresh_from_db()
    assert study.prescreen == {}


@pytest.mark.parametrize("setting", ["sharp=1", "least_side=soft", "most_bright=140", "needs_face=perhaps"])
def test_the_command_refuses_what_no_threshold_can_be(study: Study, setting: str) -> None:
    with pytest.raises(CommandError):
        call_command("prescreen", study.name, "--set", setting)
