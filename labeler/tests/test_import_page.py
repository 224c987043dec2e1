"""Importing from a browser: files go in parts, a faulty table costs no second upload, the job's page keeps up."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from jobs.models import Job
from labeler import tasks
from labeler.models import GoldenItem, Image, Study
from labeler.tests.drawn import jpeg
from labeler.tests.label_browser import context_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_folder_comes_in_from_the_page(
    chromium: Browser, live_server: LiveServer, study: Study, alice: User, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(25):  # more than go in one part
        (folder / f"{number}.jpg").write_bytes(jpeg(number))
    (folder / ".DS_Store").write_bytes(b"not a picture")
    faulty, sound = tmp_path / "faulty.csv", tmp_path / "sound.csv"
    faulty.write_text("file,golden\n1.jpg,perhaps\n")
    sound.write_text("file,golden\n1.jpg,yes\n")

    page = context_of(chromium, live_server, alice).new_page()
    parts: list[str] = []
    page.on("request", lambda request: parts.append(request.url) if request.url.endswith("/upload/") else None)
    page.goto(f"/studies/{study.pk}/import/")
    page.set_input_files("[name=folder]", folder)
    page.set_input_files("#id_files_table", faulty)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator(".problems")).to_contain_text("“perhaps” is neither yes nor no")
    assert len(parts) == 2 and not Job.objects.exists()
    page.wait_for_load_state()

    page.set_input_files("#id_files_table", sound)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("Waiting for a worker.")).to_be_visible()
    tasks.import_images(job_id=Job.objects.get().pk)
    expect(page.get_by_role("heading", name="What was imported")).to_be_visible()
    assert (Image.objects.count(), GoldenItem.objects.count(), len(parts)) == (25, 1, 2)
    page.context.close()
