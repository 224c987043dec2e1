"""An image whose file the server has lost holds nobody up: it is left out, and the label says why."""

from __future__ import annotations

import logging

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler import file_store, labelling
from labeler.models import Assignment, Flag, Label, Membership
from labeler.tests.factories import signed_in, start
from labeler.tests.label_browser import address, answers, context_of, open_page, press, saved

pytestmark = pytest.mark.django_db(transaction=True)


def lose(item: Assignment) -> str:
    """Returns where the file was."""
    assert item.rendition is not None
    path: str = item.rendition.path
    file_store.path_of(path).unlink()
    return path


@pytest.fixture
def client_of_bob(bob: User) -> Client:
    return signed_in(bob)


@pytest.mark.parametrize("by_nginx", ["", "/pictures"])
def test_the_server_says_that_a_file_is_lost(
    bob_rates: Membership, client_of_bob: Client, caplog: pytest.LogCaptureFixture, settings: object, by_nginx: str
) -> None:
    settings.IMAGES_BY_NGINX = by_nginx  # type: ignore[attr-defined]
    lost, there = start(bob_rates, 2)
    labelling.window(bob_rates, 2)
    path = lose(lost)
    with caplog.at_level(logging.ERROR, "labeler"):
        assert client_of_bob.get(address(lost)).status_code == 410
    assert path in caplog.text
    assert client_of_bob.get(address(there)).status_code == 200


def test_a_rater_goes_on_without_a_lost_image(
    chromium: Browser, live_server: LiveServer, bob: User, bob_rates: Membership
) -> None:
    dealt = start(bob_rates, 4)
    lose(dealt[1])
    with context_of(chromium, live_server, bob) as context:
        page = open_page(context, bob_rates.study)
        going_on = page.get_by_role("button", name="Go on without it")
        expect(going_on).to_be_hidden()
        press(page, "2")
        expect(going_on).to_be_visible()
        page.keyboard.press("3")  # nobody saw it: nothing to grade
        page.keyboard.press("ArrowLeft")
        expect(going_on).to_be_hidden()
        page.keyboard.press("ArrowRight")
        going_on.click()
        press(page, "4")
        expect(page.locator("#progress-text")).to_have_text("4 of 4")
        saved(page)
    assert answers(dealt) == [[2], ["missing"], [4], []]
    label = Label.objects.get(flag=Flag.MISSING)
    assert (label.decide_ms, label.viewing) == (None, {})
