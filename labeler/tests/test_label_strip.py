"""The strip of the last images on the labelling page, in a browser."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.models import Assignment, Membership
from labeler.tests.factories import start
from labeler.tests.label_browser import address, answers, context_of, open_page, press, saved

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    return start(bob_rates, 12)


@pytest.fixture
def context(
    chromium: Browser, live_server: LiveServer, bob: User, dealt: list[Assignment]
) -> Generator[BrowserContext, None, None]:
    with context_of(chromium, live_server, bob) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, bob_rates: Membership) -> Page:
    return open_page(context, bob_rates.study)


def test_the_strip_shows_the_last_images_with_their_grades_and_leads_to_them(
    page: Page, dealt: list[Assignment]
) -> None:
    place = page.locator(".picture.shown").bounding_box()
    press(page, "3", "u", "5", "f", "Enter")
    strip = page.get_by_role("navigation", name="The last images")
    expect(strip.locator(".strip-grade")).to_have_text(["3", "5?", "✕"])
    expect(strip.locator("img").first).to_have_attribute("src", address(dealt[0]))
    assert page.locator(".picture.shown").bounding_box() == place
    strip.get_by_role("button", name="image 1: Mild").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#reviewing-text")).to_have_text("image 1: Mild")
    expect(strip.locator("[aria-current=true]")).to_have_accessible_name("image 1: Mild")
    press(page, "2")
    expect(strip.locator(".strip-grade")).to_have_text(["2", "5?", "✕"])
    saved(page)
    assert answers(dealt)[:4] == [[3, 2], [5], ["blur"], []]


def test_the_strip_remembers_the_last_images_after_a_reload_and_can_be_put_away(
    page: Page, dealt: list[Assignment]
) -> None:
    press(page, "3", "4")
    saved(page)
    page.reload()
    strip = page.get_by_role("navigation", name="The last images")
    expect(strip.locator(".strip-grade")).to_have_text(["3", "4"])
    page.keyboard.press("p")
    expect(strip).to_be_hidden()
    page.reload()
    page.locator(".stage[data-painted=true]").wait_for()
    expect(strip).to_be_hidden()
    page.keyboard.press("p")
    expect(strip.locator(".strip-grade")).to_have_text(["3", "4"])


def test_the_strip_shows_an_image_when_it_has_come_however_late(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    press(page, "3", "4")
    saved(page)
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    slow = {"offline": False, "latency": 300, "downloadThroughput": -1, "uploadThroughput": -1}
    network.send("Network.emulateNetworkConditions", slow)
    page.reload()
    for number, item in enumerate(dealt[:2]):
        expect(page.locator("#strip img").nth(number)).to_have_attribute("src", address(item))


def test_a_phone_leaves_the_strips_place_to_the_image(
    chromium: Browser, live_server: LiveServer, bob: User, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    with context_of(chromium, live_server, bob, viewport={"width": 390, "height": 844}) as context:
        page = open_page(context, bob_rates.study)
        press(page, "3", "4")
        saved(page)
        expect(page.locator("#strip")).to_be_hidden()
        box = page.locator(".picture.shown").bounding_box()
        assert box is not None and box["width"] == 390
