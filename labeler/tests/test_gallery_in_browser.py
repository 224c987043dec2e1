"""A gallery in a browser: pictures are there, selected by keyboard and at once, and decided about."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import audit
from accounts.models import User
from labeler.importing import add_image
from labeler.models import Image, Study
from labeler.tests.drawn import jpeg
from labeler.tests.label_browser import context_of, eventually

pytestmark = pytest.mark.django_db(transaction=True)

_BROKEN = "() => [...document.querySelectorAll('.tile img')].filter((img) => !img.naturalWidth).length"


def _loaded(page: Page) -> None:
    page.wait_for_load_state()
    eventually(page, lambda: page.evaluate(_BROKEN), 0)


def test_pictures_are_selected_and_rejected(
    chromium: Browser, live_server: LiveServer, study: Study, alice: User
) -> None:
    for number in range(4):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM)
    with context_of(chromium, live_server, alice) as context:
        page = context.new_page()
        page.goto(reverse("study_images", args=[study.pk]))
        _loaded(page)
        expect(page.get_by_role("img", name="2.jpg")).to_be_visible()
        told = page.locator("[data-selected]")
        expect(told).to_be_empty()
        page.get_by_role("button", name="Select these 4").click()
        expect(told).to_have_text("4 pictures selected")
        page.get_by_role("checkbox", name="Select 1.jpg").focus()
        page.keyboard.press("Space")
        expect(told).to_have_text("3 pictures selected")
        page.get_by_label("Reason").fill("posters")
        page.get_by_role("button", name="Reject the selected").click()
        expect(page.get_by_text("3 pictures rejected.")).to_be_visible()
        _loaded(page)
    assert Image.objects.get(rejected_reason="").names.get().name == "1.jpg"
