"""Grading a face's parts in a browser, in studies that want that."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.models import Assignment, Label, Membership
from labeler.tests.factories import by_region, start
from labeler.tests.label_browser import context_of, open_page

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    by_region(bob_rates.study)
    return start(bob_rates, 6)


@pytest.fixture
def context(
    chromium: Browser, live_server: LiveServer, bob: User, dealt: list[Assignment]
) -> Generator[BrowserContext, None, None]:
    with context_of(chromium, live_server, bob) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, bob_rates: Membership) -> Page:
    return open_page(context, bob_rates.study)


def press(page: Page, *keys: str) -> None:
    """Each key once its image is painted."""
    for key in keys:
        page.locator(".stage[data-painted=true]").wait_for()
        page.keyboard.press(key)


def saved(page: Page) -> None:
    expect(page.locator("#saving-text")).to_have_text("Saved")


def said(page: Page) -> list[str]:
    return page.locator(".part-said").all_text_contents()


def asked(page: Page) -> str:
    return page.locator(".part[aria-current=step] .part-name").inner_text()


def answer(item: Assignment, version: int = 1) -> dict[str, object]:
    """By region: the level's value, or the flag."""
    labels = Label.objects.filter(assignment=item, version=version).select_related("level")
    return {label.region: label.level.value if label.level else label.flag for label in labels}


def number(page: Page) -> str:
    return page.locator("#progress-text").inner_text()


def test_the_face_and_its_parts_take_a_key_each_and_then_the_next_image_shows(
    page: Page, dealt: list[Assignment]
) -> None:
    asked_in_turn = []
    for key in ("3", "2", "x", "5"):
        asked_in_turn.append(asked(page))
        expect(page.locator("#progress-text")).to_have_text("1 of 6")
        press(page, key)
    assert asked_in_turn == ["Whole face", "Forehead", "Cheeks", "Chin"]
    expect(page.locator("#progress-text")).to_have_text("2 of 6")
    assert (asked(page), said(page)) == ("Whole face", ["", "", "", ""])
    press(page, "1", "1", "1", "1")
    expect(page.locator("#progress-text")).to_have_text("3 of 6")
    saved(page)
    assert answer(dealt[0]) == {"face": 3, "forehead": 2, "cheeks": "unseen", "chin": 5}
    assert answer(dealt[1]) == {"face": 1, "forehead": 1, "cheeks": 1, "chin": 1}
    assert Label.objects.count() == 8


def test_a_whole_face_is_always_seen(page: Page, dealt: list[Assignment]) -> None:
    expect(page.locator("#unseen")).to_have_attribute("aria-disabled", "true")
    press(page, "x", "x")
    assert (asked(page), said(page)) == ("Whole face", ["", "", "", ""])


def test_backspace_goes_one_part_back_and_then_to_the_image_before(page: Page, dealt: list[Assignment]) -> None:
    press(page, "1", "1", "1", "1")
    expect(page.locator("#progress-text")).to_have_text("2 of 6")
    press(page, "3", "4", "Backspace")
    assert (asked(page), said(page)) == ("Forehead", ["Mild", "Moderate", "", ""])
    press(page, "2")
    assert asked(page) == "Cheeks"
    press(page, "Backspace", "Backspace")
    assert asked(page) == "Whole face"
    press(page, "Backspace")
    expect(page.locator("#reviewing-text")).to_be_visible()
    press(page, "ArrowRight")
    assert said(page) == ["Mild", "Almost clear", "", ""]  # what was begun is still there
    press(page, "4", "5", "5")
    saved(page)
    assert answer(dealt[1]) == {"face": 4, "forehead": 2, "cheeks": 5, "chin": 5}
