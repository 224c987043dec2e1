"""The search for near-duplicates and persons, as the job does it."""

from __future__ import annotations

from functools import cache
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command

from accounts import audit
from accounts.models import AuditEvent
from grading import examiners, examining
from grading.examiners import examined
from grading.examining import examine_images
from jobs import lifecycle
from jobs.lifecycle import JobLost
from jobs.models import Job, JobState
from jobs.running import run_claimed
from labeler import clusters, file_store
from labeler.importing import add_image
from labeler.models import Examination, Image, ImageLink, LinkKind, Study, StudyState
from mlcore.examiner import EXAMINER, Examined
from mlcore.faces import FaceModelMissing
from mlcore.images import decode
from mlcore.local_features import LocalFeatures
from mlcore.synthetic import CohortConfig, cohort, draw_face, encode_jpeg
from mlcore.tests.pictures import encoded, scene

pytestmark = pytest.mark.django_db


@cache
def pictures() -> tuple[bytes, ...]:
    """Two faces, a mirrored and cropped copy of the first, and a picture without a face."""
    config = CohortConfig(size=2, seed=5, profile_share=0.0, width=240, height=320)
    first, second = (encode_jpeg(draw_face(subject, config)) for subject in cohort(config))
    copy = decode(first)[20:300, 215:15:-1]
    return first, second, encoded(np.ascontiguousarray(copy), "JPEG", quality=80), encoded(scene(240, 320), "JPEG")


@pytest.fixture
def images(study: Study) -> list[Image]:
    return [add_image(study, f"{at}.jpg", data, actor=audit.SYSTEM).image for at, data in enumerate(pictures())]


def searched(study: Study) -> Job:
    """The job, done here."""
    key = clusters.search_key(study.pk)
    job = lifecycle.begin(clusters.EXAMINE, actor=audit.SYSTEM, study_id=study.pk, dedup_key=key)
    run_claimed(job, examine_images)
    job.refresh_from_db()
    return job


def test_copies_are_linked_and_clustered_and_what_was_seen_is_written(study: Study, images: list[Image]) -> None:
    job = searched(study)
    assert job.state == JobState.DONE, job.error
    assert job.result == {
        "images": 4, "unreadable": 0, "copies": 1, "same_faces": job.result["same_faces"], "clusters": 3,
        "between_folds": 0,
    }  # fmt: skip
    link = ImageLink.objects.get(kind=LinkKind.DUPLICATE)
    assert (link.first, link.second) == (images[0], images[2])
    assert clusters.together(study) == [[images[0].pk, images[2].pk]]
    assert clusters.not_searched(study) == 0
    first, *_, scenery = Examination.objects.order_by("image_id")
    assert (first.faces, first.examiner) == (1, EXAMINER)
    assert 0.3 < (first.face_share or 0) < 0.9
    assert np.frombuffer(bytes(first.embedding or b""), "<f4").shape == (128,)
    assert len(LocalFeatures.unpack(bytes(first.descriptor or b"")).points) > 20
    assert (scenery.faces, scenery.face_share, scenery.embedding) == (0, None, None)
    assert AuditEvent.objects.get(verb="clusters.searched").after == job.result


def test_a_second_search_looks_at_new_pictures_only_and_leaves_the_same(
    study: Study, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(study)
    before = list(Examination.objects.order_by("pk").values())
    links = list(ImageLink.objects.values_list("first", "second", "kind", "distance"))
    add_image(study, "late.png", encoded(scene(90, 80, 4)), actor=audit.SYSTEM)
    asked: list[Path] = []

    def looking(paths, *, count):  # type: ignore[no-untyped-def]
        asked.extend(paths)
        return examined(asked, count=count)

    monkeypatch.setattr(examining, "examined", looking)
    assert searched(study).state == JobState.DONE
    assert len(asked) == 1
    assert list(Examination.objects.order_by("pk").values())[:4] == before
    assert list(ImageLink.objects.values_list("first", "second", "kind", "distance")) == links


def test_a_search_that_was_killed_goes_on_where_it_was(
    study: Study, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def dying(paths, *, count):  # type: ignore[no-untyped-def]
        for at, found in enumerate(examined(paths, count=count)):
            if len(looked) == 2 and at == 2:
                raise JobLost("killed")
            looked.append(at)
            yield found

    monkeypatch.setattr(examining, "_BATCH", 1)
    monkeypatch.setattr(examining, "examined", dying)
    job = searched(study)
    assert job.state == JobState.RUNNING
    assert Examination.objects.count() == 2 and clusters.not_searched(study) == 4
    lifecycle.cancel(job, audit.SYSTEM)
    looked.append(-1)
    assert searched(study).state == JobState.DONE
    assert len(looked) == 5 and Examination.objects.count() == 4


def test_a_cancelled_search_writes_nothing_more(
    study: Study, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelling(paths, *, count):  # type: ignore[no-untyped-def]
        lifecycle.cancel(Job.objects.get(), audit.SYSTEM)
        return iter([Examined(0, None, None, b"")] * count)

    monkeypatch.setattr(examining, "examined", cancelling)
    assert searched(study).state == JobState.CANCELLED
    assert not Examination.objects.exists() and clusters.not_searched(study) == 4


def test_pictures_that_come_while_it_searches_are_looked_at_before_it_ends(
    study: Study, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    find = examining.find_links

    def finding(study, report):  # type: ignore[no-untyped-def]
        if not Image.objects.filter(names__name="late.png").exists():
            add_image(study, "late.png", encoded(scene(90, 80, 4)), actor=audit.SYSTEM)
        return find(study, report)

    monkeypatch.setattr(examining, "find_links", finding)
    assert searched(study).result["images"] == 5
    assert Examination.objects.count() == 5


def test_a_file_that_is_gone_is_told_and_holds_nothing_up(study: Study, images: list[Image]) -> None:
    file_store.path_of(images[1].rendition.path).unlink()
    assert searched(study).result["unreadable"] == 1
    assert clusters.not_searched(study) == 0


def test_a_missing_model_fails_the_job_in_words(
    study: Study, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(paths, *, count):  # type: ignore[no-untyped-def]
        raise FaceModelMissing("The landmark model is missing.")

    monkeypatch.setattr(examining, "examined", missing)
    job = searched(study)
    assert (job.state, job.error) == (JobState.FAILED, "The landmark model is missing.")


def test_a_study_that_labels_is_searched_too(study: Study, images: list[Image]) -> None:
    Study.objects.filter(pk=study.pk).update(state=StudyState.LABELLING)
    assert searched(study).state == JobState.DONE


def test_processes_find_the_same_in_the_same_order_and_one_that_dies_costs_its_picture(
    study: Study, images: list[Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [file_store.path_of(image.rendition.path) for image in images]
    here = list(examined(paths, count=4))
    asked = examiners._Child.ask

    def ask(child: examiners._Child, path: Path) -> Examined | None:
        if path.name == "deadly":
            child._process.kill()
        return asked(child, path)

    monkeypatch.setattr(examiners._Child, "ask", ask)
    there = list(examined([paths[0], tmp_path / "deadly", *paths[1:]], count=5, processes=1))
    assert there == [here[0], None, *here[1:]]


def test_the_command_searches_and_says_what_it_found(study: Study, images: list[Image]) -> None:
    out = StringIO()
    call_command("find_clusters", study.name, stdout=out)
    assert "4 images, 3 clusters: 1 pairs of near-duplicates" in out.getvalue()
