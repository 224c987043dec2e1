"""Imports as jobs: done by a worker, taken up after its death, and cleaned up behind."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts import audit
from accounts.models import AuditEvent, User
from jobs import lifecycle
from jobs.lifecycle import AlreadyActive
from jobs.models import Job, JobState
from labeler import clusters, import_jobs, tasks
from labeler.import_lots import Where
from labeler.importing import add_image
from labeler.importing_grades import GradesReport, import_grades
from labeler.models import Image, Label, Study, StudyState
from labeler.tests.drawn import jpeg
from labeler.uploads import Upload, open_upload

# A job's heartbeat is a thread with a connection of its own, which must see the rows.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def upload(study: Study, alice: User) -> Upload:
    upload = open_upload(study.pk, alice.pk)
    upload.add([(f"{number}.jpg", [jpeg(number)]) for number in (1, 2)] + [("broken.jpg", [b"<html>"])])
    return upload


def _enqueue(kind: str, study: Study, upload: Upload) -> Job:
    if kind == import_jobs.GRADES:
        return import_jobs.enqueue_grades(study, upload, actor=audit.SYSTEM)
    return import_jobs.enqueue_images(study, Where(upload=upload.token), actor=audit.SYSTEM)


def test_an_upload_comes_in_and_is_removed(study: Study, upload: Upload) -> None:
    upload.put_table("t.csv", b"file,golden\n1.jpg,yes\n")
    job = _enqueue(import_jobs.IMAGES, study, upload)
    tasks.import_images(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.DONE
    assert (job.result["added"], job.result["golden"]) == (2, 1)
    assert [refused["name"] for refused in job.result["refused"]] == ["broken.jpg"]
    assert (job.done, job.total) == (3, 3)
    assert not upload.folder.exists()


def test_a_second_delivery_does_nothing(study: Study, upload: Upload) -> None:
    job = _enqueue(import_jobs.IMAGES, study, upload)
    tasks.import_images(job_id=job.pk)
    tasks.import_images(job_id=job.pk)
    assert Image.objects.count() == 2
    assert Job.objects.get(pk=job.pk).attempt == 1


def test_a_dead_workers_import_is_taken_up_and_ends_once(study: Study, upload: Upload) -> None:
    job = _enqueue(import_jobs.IMAGES, study, upload)
    claimed = lifecycle.claim(job.pk)
    assert claimed is not None
    add_image(study, "1.jpg", jpeg(1), actor=audit.SYSTEM)  # as far as it came
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET heartbeat_at = now() - interval '1 hour'")
    tasks.import_images(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.DONE and job.attempt == 2
    assert (job.result["added"], job.result["unchanged"]) == (1, 1)
    assert Image.objects.count() == 2


def test_pictures_of_an_import_that_died_at_its_very_end_are_searched_too(study: Study, upload: Upload) -> None:
    job = _enqueue(import_jobs.IMAGES, study, upload)
    for number in (1, 2):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM)
    tasks.import_images(job_id=job.pk)
    job.refresh_from_db()
    assert (job.result["added"], job.result["unchanged"]) == (0, 2)
    assert Job.objects.filter(kind=clusters.EXAMINE, state=JobState.QUEUED).count() == 1


def test_what_came_in_before_an_import_failed_is_searched(study: Study, tmp_path: Path) -> None:
    add_image(study, "1.jpg", jpeg(1), actor=audit.SYSTEM)
    where = Where(folder=str(tmp_path / "gone"))
    tasks.import_images(job_id=import_jobs.enqueue_images(study, where, actor=audit.SYSTEM).pk)
    assert Job.objects.get(kind=import_jobs.IMAGES).state == JobState.FAILED
    assert Job.objects.filter(kind=clusters.EXAMINE, state=JobState.QUEUED).count() == 1


def test_what_was_searched_is_not_searched_again(study: Study, upload: Upload) -> None:
    for number in (1, 2):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM)
    clusters.recluster(study, actor=audit.SYSTEM)
    tasks.import_images(job_id=_enqueue(import_jobs.IMAGES, study, upload).pk)
    assert not Job.objects.filter(kind=clusters.EXAMINE).exists()


def test_one_import_at_a_time(study: Study, upload: Upload) -> None:
    _enqueue(import_jobs.IMAGES, study, upload)
    with pytest.raises(AlreadyActive):
        _enqueue(import_jobs.GRADES, study, upload)


def test_a_study_that_was_closed_meanwhile_takes_nothing_and_says_why(study: Study, upload: Upload) -> None:
    job = _enqueue(import_jobs.IMAGES, study, upload)
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED)
    tasks.import_images(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED and "fixed" in job.error
    assert not upload.folder.exists()


def test_grades_come_in_as_a_job(study: Study, upload: Upload, alice: User) -> None:
    tasks.import_images(job_id=_enqueue(import_jobs.IMAGES, study, upload).pk)
    table = open_upload(study.pk, alice.pk)
    table.put_table("g.csv", b"image,rater,grade\n1.jpg,Expert,3\n")
    job = _enqueue(import_jobs.GRADES, study, table)
    tasks.import_grades(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.DONE and job.result["added"] == 1
    assert Label.objects.count() == 1


def test_grades_of_an_import_that_was_stopped_meanwhile_are_not_written(
    study: Study, upload: Upload, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks.import_images(job_id=_enqueue(import_jobs.IMAGES, study, upload).pk)
    table = open_upload(study.pk, alice.pk)
    table.put_table("g.csv", b"image,rater,grade\n1.jpg,Expert,3\n")
    job = _enqueue(import_jobs.GRADES, study, table)

    def stop() -> None:
        import_jobs.cancel(job, audit.SYSTEM)
        connection.close()

    def and_stop(*args: Any, **options: Any) -> GradesReport:
        report = import_grades(*args, **options)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(stop).result()
        return report

    monkeypatch.setattr(import_jobs, "import_grades", and_stop)
    tasks.import_grades(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert not Label.objects.exists()
    assert not AuditEvent.objects.filter(verb="grades.imported").exists()


def test_what_was_uploaded_for_a_stopped_import_is_removed(study: Study, upload: Upload) -> None:
    job = _enqueue(import_jobs.IMAGES, study, upload)
    assert import_jobs.cancel(job, audit.SYSTEM)
    assert not upload.folder.exists()
    assert not import_jobs.cancel(job, audit.SYSTEM)


def test_a_folder_that_is_gone_fails_readably(study: Study, tmp_path: Path) -> None:
    job = import_jobs.begin_images(study, Where(folder=str(tmp_path / "gone")), actor=audit.SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET heartbeat_at = now() - interval '1 hour'")
    tasks.import_images(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.FAILED and "is not a folder" in job.error


def test_a_command_goes_on_after_one_that_was_killed(study: Study, tmp_path: Path) -> None:
    killed = import_jobs.begin_images(study, Where(folder=str(tmp_path)), actor=audit.SYSTEM)
    with pytest.raises(AlreadyActive):
        import_jobs.begin_images(study, Where(folder=str(tmp_path)), actor=audit.SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET heartbeat_at = now() - interval '1 hour'")
    again = import_jobs.begin_images(study, Where(folder=str(tmp_path)), actor=audit.SYSTEM)
    killed.refresh_from_db()
    assert (killed.state, again.state) == (JobState.CANCELLED, JobState.RUNNING)
