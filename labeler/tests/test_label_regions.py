"""Grading a face's parts in a browser, in studies that want that."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.models import Assignment, Label, Membership
from labeler.tests.factories import by_region, start
from labeler.tests.label_browser import clicks, context_of, open_page, press, saved

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


def said(page: Page) -> Locator:
    return page.locator(".part-said")


def asked(page: Page) -> Locator:
    return page.locator(".part[aria-current=step] .part-name")


def answer(item: Assignment, version: int = 1) -> dict[str, object]:
    """By region: the level's value, or the flag."""
    labels = Label.objects.filter(assignment=item, version=version).select_related("level")
    return {label.region: label.level.value if label.level else label.flag for label in labels}


def test_the_face_and_its_parts_take_a_key_each_and_then_the_next_image_shows(
    page: Page, dealt: list[Assignment]
) -> None:
    for part, key in {"Whole face": "3", "Forehead": "2", "Cheeks": "x", "Chin": "5"}.items():
        expect(asked(page)).to_have_text(part)
        expect(page.locator("#progress-text")).to_have_text("1 of 6")
        press(page, key)
    expect(page.locator("#progress-text")).to_have_text("2 of 6")
    expect(asked(page)).to_have_text("Whole face")
    expect(said(page)).to_have_text(["", "", "", ""])
    press(page, "1", "1", "1", "1")
    expect(page.locator("#progress-text")).to_have_text("3 of 6")
    saved(page)
    assert answer(dealt[0]) == {"face": 3, "forehead": 2, "cheeks": "unseen", "chin": 5}
    assert answer(dealt[1]) == {"face": 1, "forehead": 1, "cheeks": 1, "chin": 1}
    assert Label.objects.count() == 8


def test_a_whole_face_is_always_seen(page: Page, dealt: list[Assignment]) -> None:
    expect(page.locator("#unseen")).to_have_attribute("aria-disabled", "true")
    press(page, "x", "x")
    expect(asked(page)).to_have_text("Whole face")
    expect(said(page)).to_have_text(["", "", "", ""])


def test_backspace_goes_one_part_back_and_then_to_the_image_before(page: Page, dealt: list[Assignment]) -> None:
    press(page, "1", "1", "1", "1")
    expect(page.locator("#progress-text")).to_have_text("2 of 6")
    press(page, "3", "4", "Backspace")
    expect(asked(page)).to_have_text("Forehead")
    expect(said(page)).to_have_text(["Mild", "Moderate", "", ""])
    press(page, "2")
    expect(asked(page)).to_have_text("Cheeks")
    press(page, "Backspace", "Backspace")
    expect(asked(page)).to_have_text("Whole face")
    press(page, "Backspace")
    expect(page.locator("#reviewing-text")).to_be_visible()
    press(page, "ArrowRight")
    expect(said(page)).to_have_text(["Mild", "Almost clear", "", ""])  # what was begun is still there
    press(page, "4", "5", "5")
    saved(page)
    assert answer(dealt[1]) == {"face": 4, "forehead": 2, "cheeks": 5, "chin": 5}


def test_a_tap_on_another_part_goes_there_and_the_last_one_sends(page: Page, dealt: list[Assignment]) -> None:
    page.locator(".part", has_text="Chin").click()
    expect(asked(page)).to_have_text("Chin")
    press(page, "5")
    expect(asked(page)).to_have_text("Whole face")  # the first of which nothing is said
    press(page, "4", "3", "2")
    expect(page.locator("#progress-text")).to_have_text("2 of 6")
    saved(page)
    assert answer(dealt[0]) == {"face": 4, "forehead": 3, "cheeks": 2, "chin": 5}


def test_a_double_click_is_one_grade_and_two_slower_clicks_are_two(page: Page, dealt: list[Assignment]) -> None:
    mild = page.get_by_role("button", name="Mild", exact=True)
    clicks(page, mild, times=2)
    expect(asked(page)).to_have_text("Forehead")
    # The browser still counts it as the second of a double click.
    clicks(page, mild, at=0.5, count_from=2)
    expect(asked(page)).to_have_text("Cheeks")
    expect(said(page)).to_have_text(["Mild", "Mild", "", ""])


def test_looking_back_each_part_is_shown_and_can_be_changed(page: Page, dealt: list[Assignment]) -> None:
    press(page, "3", "2", "x", "5", "Backspace")
    expect(said(page)).to_have_text(["Mild", "Almost clear", "not seen", "Severe"])
    page.locator(".part", has_text="Cheeks").click()
    expect(page.locator("#unseen")).to_have_attribute("aria-pressed", "true")
    press(page, "1")
    expect(page.locator("#progress-text")).to_have_text("2 of 6")
    saved(page)
    assert answer(dealt[0], 2) == {"face": 3, "forehead": 2, "cheeks": 1, "chin": 5}
    page.reload()
    press(page, "Backspace")
    expect(said(page)).to_have_text(["Mild", "Almost clear", "Clear", "Severe"])
    # The same again leads from part to part, and changes nothing.
    press(page, "3", "2", "1")
    expect(asked(page)).to_have_text("Chin")
    press(page, "5")
    expect(page.locator("#progress-text")).to_have_text("2 of 6")
    expect(said(page)).to_have_text(["", "", "", ""])
    saved(page)
    assert not answer(dealt[0], 3)


def test_a_flag_is_of_the_whole_image_and_a_grade_instead_asks_for_all_parts(
    page: Page, dealt: list[Assignment]
) -> None:
    press(page, "3", "2", "f", "Enter")
    expect(page.locator("#progress-text")).to_have_text("2 of 6")
    press(page, "Backspace", "4", "4", "4")
    expect(page.locator("#reviewing-text")).to_be_visible()
    press(page, "4")
    expect(page.locator("#progress-text")).to_have_text("2 of 6")
    saved(page)
    assert answer(dealt[0]) == {"face": "blur"}
    assert answer(dealt[0], 2) == {"face": 4, "forehead": 4, "cheeks": 4, "chin": 4}


def test_a_screen_reader_is_told_what_is_asked(page: Page) -> None:
    expect(page.get_by_role("heading", name="How severe is the acne on the whole face?")).to_be_visible()
    press(page, "3")
    expect(page.locator("#announcer")).to_have_text("Whole face: Mild. Now: Forehead.")
    expect(page.get_by_role("group", name="How severe is it on the forehead?")).to_be_visible()
    expect(page.get_by_role("button", name="Whole face Mild")).to_be_visible()


def test_a_thumb_reaches_it_all(
    chromium: Browser, live_server: LiveServer, bob: User, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    with context_of(chromium, live_server, bob, viewport=PHONE, has_touch=True, is_mobile=True) as context:
        page = open_page(context, bob_rates.study)
        for button in page.locator(".panel button").all():
            box = button.bounding_box()
            assert box is not None and box["y"] > PHONE["height"] * 0.7 and box["y"] + box["height"] <= PHONE["height"]
            assert box["height"] >= 44 and box["width"] >= 44
        picture = page.locator(".picture.shown").bounding_box()
        for level in ("Mild", "Mild", "Not seen", "Severe"):
            page.get_by_role("button", name=level, exact=True).tap()
            page.wait_for_timeout(350)  # slower than a double tap
        expect(page.locator("#progress-text")).to_have_text("2 of 6")
        assert page.locator(".picture.shown").bounding_box() == picture
        saved(page)
    assert answer(dealt[0]) == {"face": 3, "forehead": 3, "cheeks": "unseen", "chin": 5}


def test_a_study_of_whole_faces_asks_for_them_alone(
    chromium: Browser, live_server: LiveServer, carol: User, carol_rates: Membership
) -> None:
    start(carol_rates, 2)
    with context_of(chromium, live_server, carol) as context:
        page = open_page(context, carol_rates.study)
        expect(page.locator(".part, #unseen")).to_have_count(0)
        press(page, "3")
        expect(page.locator("#progress-text")).to_have_text("2 of 2")
