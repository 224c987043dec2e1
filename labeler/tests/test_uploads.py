"""What a browser sent waits on disk: for whom, under which names, and how long."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts import audit
from jobs.models import Job
from labeler import import_jobs
from labeler.import_lots import Where
from labeler.models import Study
from labeler.uploads import KEPT_SECONDS, NameSentTwice, NoSuchUpload, find_upload, open_upload, sweep

pytestmark = pytest.mark.django_db


def test_files_wait_under_numbers_and_in_the_order_of_names() -> None:
    upload = open_upload(1, 2)
    upload.add([("b10.jpg", [b"ten"])])
    upload.add([("b9.jpg", [b"ni", b"ne"]), ("../../etc/passwd", [b"x"])])
    assert [source.name for source in upload.sources()] == ["../../etc/passwd", "b9.jpg", "b10.jpg"]
    assert [source.read() for source in upload.sources()] == [b"x", b"nine", b"ten"]
    assert {source.path.parent for source in upload.sources()} == {upload.folder}
    upload.remove()


def test_a_part_sent_again_is_taken_once() -> None:
    upload = open_upload(1, 2)
    upload.add([("a.jpg", [b"a"])])
    assert upload.add([("a.jpg", [b"a"]), ("b.jpg", [b"b"])]) == 2
    with pytest.raises(NameSentTwice, match=r"a\.jpg"):
        upload.add([("a.jpg", [b"another"])])
    assert [source.read() for source in upload.sources()] == [b"a", b"b"]
    upload.remove()


def test_two_parts_at_once_each_keep_their_own_bytes() -> None:
    upload = open_upload(1, 2)
    ready = threading.Barrier(2)

    def slowly(data: bytes) -> Iterator[bytes]:
        yield data
        time.sleep(0.05)

    def send(name: str) -> None:
        ready.wait()
        upload.add([(f"{name}{number}.jpg", slowly(name.encode())) for number in range(3)])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, "ab"))
    assert [(source.name[0], source.read()) for source in upload.sources()] == [("a", b"a")] * 3 + [("b", b"b")] * 3
    upload.remove()


@pytest.mark.parametrize("study_id, user_id", [(1, 3), (9, 2)])
def test_nobody_else_goes_on_with_an_upload(study_id: int, user_id: int) -> None:
    upload = open_upload(1, 2)
    assert find_upload(upload.token, 1, 2) == upload
    with pytest.raises(NoSuchUpload):
        find_upload(upload.token, study_id, user_id)
    upload.remove()


@pytest.mark.parametrize("token", ["", "..", "../studies", "a" * 22, "/etc"])
def test_a_token_is_no_path(token: str) -> None:
    with pytest.raises(NoSuchUpload):
        find_upload(token, 1, 2)


def test_what_was_never_imported_goes_after_a_day(study: Study) -> None:
    forgotten, queued = open_upload(1, 2), open_upload(1, 2)
    job: Job = import_jobs.enqueue_images(study, Where(upload=queued.token), actor=audit.SYSTEM)
    long_ago = time.time() - KEPT_SECONDS - 60
    for upload in (forgotten, queued):
        os.utime(upload.folder, (long_ago, long_ago))
    fresh = open_upload(1, 2)
    sweep()
    assert not forgotten.folder.exists()
    assert queued.folder.exists() and fresh.folder.exists() and job.is_active
    for upload in (queued, fresh):
        upload.remove()
