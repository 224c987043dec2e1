"""What a run learns from, frozen."""

import json

import pytest
from django.conf import settings
from django.utils import timezone

from accounts import audit
from grading.consensus import override_seat, panel_figures
from grading.datasets import Manifest, NotTrainable, freeze_dataset, load_manifest, plan_dataset
from grading.models import ConsensusVersion, Dataset, Scope
from grading.tests.panels import FLAG, add_images, add_raters, answer, answer_all, graded_study
from labeler.models import GoldenItem, Image, ImageName, Person, Study
from mlcore.records import Rating


def planned(study: Study, column: str = "") -> Manifest:
    return plan_dataset(study, panel_figures(study, Scope.GOLDEN), column)


def sha256s(images: list[Image]) -> set[str | None]:
    return {image.sha256 for image in images}


def test_a_target_is_the_mean_of_the_images_raters_and_golden_never_trains(study: Study) -> None:
    raters, images = add_raters(study, 2), add_images(study, 14, golden=2)
    answer_all(raters, images, [[1, 2], [3, 3], [4, 5], *[[2, None]] * 10, [None, "blur"]])
    manifest = planned(study)
    assert {one.sha256 for one in manifest.training} == sha256s(images[2:13])
    both = next(one for one in manifest.training if one.sha256 == images[2].sha256)
    assert (both.target, both.grades) == (4.5, (Rating("R01", 4), Rating("R02", 5)))
    assert [rater.code for rater in manifest.raters] == ["R01", "R02"]
    assert [rater.rmse for rater in manifest.raters] == pytest.approx([0.5**1.5, 0.5**1.5])
    assert manifest.levels == (1, 2, 3, 4, 5)


def test_an_image_of_a_person_in_the_golden_set_does_not_train(study: Study) -> None:
    graded_study(study)
    images = list(Image.objects.filter(study=study).order_by("pk"))
    person = Person.objects.create(study=study, external_id="P1")
    Image.objects.filter(pk__in=[images[0].pk, images[6].pk]).update(person=person)
    Image.objects.filter(pk=images[7].pk).update(perceptual_hash=images[1].perceptual_hash)
    manifest = planned(study)
    assert set(manifest.left_out) == {images[6].sha256, images[7].sha256}
    golden_groups = {one.group for one in manifest.golden}
    assert golden_groups.isdisjoint(one.group for one in manifest.training)


def test_a_chosen_column_keeps_together_too(study: Study) -> None:
    graded_study(study)
    images = list(Image.objects.filter(study=study).order_by("pk"))
    ImageName.objects.filter(image__in=[images[0], images[5]]).update(metadata={"group": "3"})
    assert planned(study).left_out == ()
    assert planned(study, "group").left_out == (images[5].sha256,)


def test_a_withdrawn_golden_image_neither_judges_nor_trains(study: Study) -> None:
    graded_study(study)
    withdrawn = GoldenItem.objects.filter(study=study).select_related("image")[0]
    GoldenItem.objects.filter(pk=withdrawn.pk).update(withdrawn_at=timezone.now(), reason="not acne")
    manifest = planned(study)
    everything = {one.sha256 for one in manifest.training} | {one.sha256 for one in manifest.golden}
    assert withdrawn.image.sha256 not in everything and len(manifest.golden) == 3


def test_golden_images_know_whether_the_whole_panel_graded_them(study: Study) -> None:
    raters, images = add_raters(study, 3), add_images(study, 24, golden=14)
    answer_all(raters, images[:12], [[1, 2, 3]] * 12)
    answer_all(raters, images[12:14], [[2, 4, FLAG], [FLAG, FLAG, FLAG]])
    answer_all(raters, images[14:], [[2, None, None]] * 10)
    manifest = planned(study)
    partly = next(one for one in manifest.golden if one.sha256 == images[12].sha256)
    assert (partly.truth, partly.n, partly.complete) == (3.0, 2, False)
    assert manifest.ungraded_golden == (images[13].sha256,)
    assert sum(one.complete for one in manifest.golden) == 12


def test_freezing_keeps_the_manifest_and_the_same_grades_give_the_same_one(study: Study) -> None:
    raters = graded_study(study)
    dataset = freeze_dataset(study, audit.SYSTEM)
    assert freeze_dataset(study, audit.SYSTEM) == dataset
    assert ConsensusVersion.objects.filter(study=study).count() == 1
    assert load_manifest(dataset) == planned(study) and dataset.images == 12
    answer(raters[0], Image.objects.filter(study=study).order_by("pk")[4], 5)
    assert freeze_dataset(study, audit.SYSTEM).sha256 != dataset.sha256
    assert Dataset.objects.filter(study=study).count() == 2


def test_a_manifest_that_was_changed_on_disk_is_refused(study: Study) -> None:
    graded_study(study)
    dataset = freeze_dataset(study, audit.SYSTEM)
    path = settings.GOLDFOLD_HOME / dataset.path
    fields = json.loads(path.read_bytes())
    fields["training"][0]["target"] = 1.0 + fields["training"][0]["target"]
    path.write_bytes(json.dumps(fields).encode())
    with pytest.raises(ValueError, match="not what was frozen"):
        load_manifest(dataset)


def test_a_manifest_of_another_version_asks_for_a_new_run() -> None:
    with pytest.raises(NotTrainable, match="another version of Goldfold; start a new run"):
        Manifest.from_bytes(b'{"schema": 1}')


def test_what_is_missing_is_said(study: Study) -> None:
    with pytest.raises(NotTrainable, match="no golden set"):
        planned(study)
    raters, images = add_raters(study, 2), add_images(study, 5, golden=2)
    with pytest.raises(NotTrainable, match=r"panel has 0 rater\(s\)"):
        planned(study)
    answer_all(raters, images, [[1, 2], [2, 2], [3, None], [None, 3], [None, None]])
    with pytest.raises(NotTrainable, match=r"Only 2 image\(s\) outside the golden set"):
        planned(study)


def test_whom_the_lead_took_out_teaches_nothing_and_a_newcomer_does(study: Study) -> None:
    raters, images = add_raters(study, 4), add_images(study, 14, golden=2)
    # R04 has answered no golden image yet.
    answer_all(raters, images, [[1, 2, 1, None], [3, 3, 3, None], *[[2, None, 5, None]] * 11, [None, None, None, 4]])
    assert next(one for one in planned(study).training if one.sha256 == images[2].sha256).target == 3.5
    override_seat(study, raters[2], False, "tried the keys", audit.SYSTEM)
    by_image = {one.sha256: (one.target, [grade.rater for grade in one.grades]) for one in planned(study).training}
    assert by_image[images[2].sha256 or ""] == (2, ["R01"])
    assert by_image[images[13].sha256 or ""] == (4, ["R04"])
