"""Comments, the unsure mark and flags in a browser: golden and training images take them alike."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.models import Assignment, Label, Membership
from labeler.tests.factories import start
from labeler.tests.label_browser import context_of, open_page, press, saved

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    """The second and the fourth are golden."""
    return start(bob_rates, 5, golden_every=2)


@pytest.fixture
def context(
    chromium: Browser, live_server: LiveServer, bob: User, dealt: list[Assignment]
) -> Generator[BrowserContext, None, None]:
    with context_of(chromium, live_server, bob) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, bob_rates: Membership) -> Page:
    return open_page(context, bob_rates.study)


def comment(page: Page, words: str) -> None:
    """By the keyboard alone."""
    press(page, "c")
    expect(page.locator("#comment-dialog")).to_be_visible()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(page.locator("#comment-dialog")).to_be_hidden()


def versions(item: Assignment) -> list[tuple[object, ...]]:
    labels = Label.objects.filter(assignment=item).order_by("version")
    return list(labels.values_list("level__value", "flag", "comment", "unsure"))


def test_a_comment_goes_with_the_grade_and_digits_in_it_grade_nothing(page: Page, dealt: list[Assignment]) -> None:
    comment(page, "2 scars, 1 mole")
    expect(page.locator("#comment")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#progress-text")).to_have_text("1 of 5")
    press(page, "3")
    expect(page.locator("#comment")).to_have_attribute("aria-pressed", "false")
    press(page, "4")
    saved(page)
    assert versions(dealt[0]) == [(3, "", "2 scars, 1 mole", False)]
    assert versions(dealt[1]) == [(4, "", "", False)]


def test_a_comment_stays_when_the_level_alone_is_changed(page: Page, dealt: list[Assignment]) -> None:
    comment(page, "scar")
    press(page, "u", "3", "Backspace", "4")
    saved(page)
    assert versions(dealt[0]) == [(3, "", "scar", True), (4, "", "scar", True)]


def test_a_comment_on_an_earlier_image_is_a_change_of_its_own(page: Page, dealt: list[Assignment]) -> None:
    press(page, "3", "Backspace")
    expect(page.locator("#reviewing-text")).to_have_text("image 1: Mild")
    comment(page, "scar")
    expect(page.locator("#progress-text")).to_have_text("2 of 5")
    press(page, "Backspace")
    comment(page, "")
    saved(page)
    assert versions(dealt[0]) == [(3, "", "", False), (3, "", "scar", False), (3, "", "", False)]


def test_what_is_written_is_not_lost_by_looking_back_or_by_what_the_server_tells(
    page: Page, dealt: list[Assignment]
) -> None:
    press(page, "1")
    comment(page, "scar")
    press(page, "u", "Backspace")
    expect(page.locator("#comment")).to_have_attribute("aria-pressed", "false")
    press(page, "ArrowRight")
    with page.expect_response("**/window.json*"):
        page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("#comment")).to_have_attribute("aria-pressed", "true")
    press(page, "2")
    saved(page)
    assert versions(dealt[1]) == [(2, "", "scar", True)]


def test_escape_leaves_a_comment_as_it_was(page: Page, dealt: list[Assignment]) -> None:
    comment(page, "scar")
    press(page, "c")
    page.keyboard.type("something else")
    press(page, "Escape", "3")
    saved(page)
    assert versions(dealt[0]) == [(3, "", "scar", False)]


def test_the_words_begun_as_a_comment_explain_a_flag(page: Page, dealt: list[Assignment]) -> None:
    comment(page, "a drawing")
    press(page, "f")
    page.get_by_role("radio", name="Another reason").check()
    expect(page.get_by_label("In your words")).to_have_value("a drawing")
    page.keyboard.press("Enter")
    expect(page.locator("#progress-text")).to_have_text("2 of 5")
    press(page, "Backspace")
    comment_refused(page)
    saved(page)
    assert versions(dealt[0]) == [(None, "other", "a drawing", False)]


def comment_refused(page: Page) -> None:
    """Another reason can't do without words."""
    press(page, "c")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.press("Enter")
    expect(page.locator("#comment-dialog")).to_be_visible()
    page.keyboard.press("Escape")


def test_a_flag_can_be_returned_to_and_become_a_grade(page: Page, dealt: list[Assignment]) -> None:
    press(page, "f", "Enter", "2", "Backspace", "Backspace")
    expect(page.locator("#flag")).to_have_attribute("aria-pressed", "true")
    press(page, "3")
    saved(page)
    assert versions(dealt[0]) == [(None, "blur", "", False), (3, "", "", False)]


def test_golden_and_training_images_are_flagged_and_commented_on_alike(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    seen = []
    for _ in dealt[:4]:
        with page.expect_request("**/answers") as asked:
            press(page, "f")
            seen.append(page.locator("#flag-dialog").inner_html())
            page.keyboard.press("Enter")
        delivered = json.loads(asked.value.post_data or "")
        seen.append(str(sorted(delivered["answers"][0])))
    saved(page)
    assert len(set(seen)) == 2
    assert [versions(item) for item in dealt[:4]] == [[(None, "blur", "", False)]] * 4


def test_a_comment_on_what_was_given_takes_the_unsure_mark_that_was_set_with_it_along(
    page: Page, dealt: list[Assignment]
) -> None:
    press(page, "3", "Backspace", "u")
    comment(page, "or worse")
    saved(page)
    assert versions(dealt[0]) == [(3, "", "", False), (3, "", "or worse", True)]
