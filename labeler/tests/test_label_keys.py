"""Keys that a rater chose, keys of a study's scale, and keys as usual."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.models import Assignment, Level, Membership
from labeler.tests.factories import start
from labeler.tests.label_browser import context_of, open_page, saved

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    return start(bob_rates, 4)


@pytest.fixture
def context(
    chromium: Browser, live_server: LiveServer, bob: User, dealt: list[Assignment]
) -> Generator[BrowserContext, None, None]:
    with context_of(chromium, live_server, bob) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, bob_rates: Membership) -> Page:
    return open_page(context, bob_rates.study)


def change(page: Page, action: str, *keys: str) -> None:
    """In the settings, press these keys for the action."""
    page.keyboard.press("k")
    row(page, action).get_by_role("button", name="change").click()
    for key in keys:
        page.keyboard.press(key)


def row(page: Page, action: str) -> Locator:
    return page.locator("#key-list li").filter(has=page.get_by_text(action, exact=True))


def note(page: Page, text: str) -> None:
    expect(page.locator("#key-note")).to_have_text(text)


def at_image(page: Page, number: int) -> None:
    expect(page.locator("#progress-text")).to_have_text(f"{number} of 4")
    page.locator(".stage[data-painted=true]").wait_for()


def test_a_grade_moves_to_another_key_and_every_hint_with_it(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    change(page, "Grade: Mild", "j")
    note(page, "“Grade: Mild”: J")
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    at_image(page, 1)
    page.keyboard.press("j")
    at_image(page, 2)
    page.reload()
    at_image(page, 2)
    button = page.get_by_role("button", name="Mild", exact=True)
    expect(button).to_have_attribute("aria-keyshortcuts", "j")
    expect(button.locator("kbd")).to_have_text("J")
    page.keyboard.press("?")
    expect(page.locator("#help-dialog .scale dt").nth(2)).to_have_text("J Mild")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    at_image(page, 3)
    saved(page)
    assert [item.labels.get().level.value for item in dealt[:2]] == [3, 3]  # type: ignore[union-attr]


def test_a_key_that_does_something_already_is_refused_in_words(page: Page) -> None:
    change(page, "Grade: Mild", "r")
    note(page, "R is taken by “The scale beside the image”. Choose another key, or change that one first.")
    page.keyboard.press("Enter")
    note(page, "That key is needed to move about the page. Take a letter, a digit, a sign or an arrow.")
    page.keyboard.press("Control+j")
    note(page, "That key is needed to move about the page. Take a letter, a digit, a sign or an arrow.")
    # Escape leaves the key as it is, and only then the settings.
    page.keyboard.press("Escape")
    expect(page.locator("#settings-dialog")).to_be_visible()
    expect(row(page, "Grade: Mild").locator("kbd")).to_have_text("3")
    page.keyboard.press("Escape")
    expect(page.locator("#settings-dialog")).to_be_hidden()
    page.keyboard.press("3")
    at_image(page, 2)


def test_keys_go_back_to_what_is_usual_one_by_one_or_all(page: Page) -> None:
    change(page, "Grade: Mild", "j")
    page.keyboard.press("Escape")
    change(page, "Back", "Shift+Q")
    expect(row(page, "Back").locator("kbd")).to_have_text("Shift Q")
    row(page, "Back").get_by_role("button", name="Back: key as usual").click()
    expect(row(page, "Back").locator("kbd")).to_have_text(["←", "Backspace"])
    expect(row(page, "Grade: Mild").locator("kbd")).to_have_text("J")
    page.get_by_role("button", name="All keys as usual").click()
    expect(row(page, "Grade: Mild").locator("kbd")).to_have_text("3")
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    at_image(page, 2)


def test_everything_has_a_name_and_a_key_and_no_two_things_the_same(page: Page) -> None:
    page.keyboard.press("k")
    page.locator("#settings-dialog").wait_for()
    rows = page.locator("#key-list li").all()
    assert len(rows) > 20
    keys = [key for one in rows for key in one.locator("kbd").all_text_contents()]
    assert len(keys) == len(set(keys))
    for one in rows:
        assert one.locator("span").first.inner_text() and one.locator("kbd").count() > 0


def test_the_scales_own_keys_come_first(
    context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    for value, key in ((1, "0"), (2, "r"), (3, "+")):
        Level.objects.filter(study=bob_rates.study, value=value).update(key=key)
    page = open_page(context, bob_rates.study)
    for number, key in enumerate(("0", "r", "+"), start=2):
        page.keyboard.press(key)
        at_image(page, number)
    expect(page.locator("#reference")).to_be_hidden()
    expect(page.get_by_role("button", name="The scale beside the image")).to_have_attribute("aria-keyshortcuts", "")
    page.keyboard.press("=")
    expect(page.locator("#zoom-percent")).to_have_text("125 %")
    page.keyboard.press("Home")
    expect(page.locator("#zoom-percent")).to_have_text("100 %")


def test_a_digit_grades_where_it_needs_shift(page: Page) -> None:
    """On a French keyboard the key of 3 writes a quotation mark, and with Shift a 3."""
    keyboard = page.context.new_cdp_session(page)
    for number, (key, modifiers) in enumerate((('"', 0), ("3", 8)), start=2):
        for kind in ("keyDown", "keyUp"):
            keyboard.send(
                "Input.dispatchKeyEvent", {"type": kind, "key": key, "code": "Digit3", "modifiers": modifiers}
            )
        at_image(page, number)


def test_a_browser_that_keeps_nothing_grades_and_holds_choices_until_it_leaves(
    context: BrowserContext, bob_rates: Membership
) -> None:
    context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})")
    page = open_page(context, bob_rates.study)
    change(page, "Grade: Mild", "j")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    at_image(page, 2)
    page.reload()
    at_image(page, 2)
    page.keyboard.press("3")
    at_image(page, 3)


def test_choices_are_one_raters_in_one_study(
    page: Page, chromium: Browser, context: BrowserContext, live_server: LiveServer, bob_rates: Membership
) -> None:
    change(page, "Grade: Mild", "j")
    page.keyboard.press("Escape")
    kept = page.evaluate("Object.entries(localStorage).filter(([name]) => name.startsWith('goldfold '))")
    assert kept == [[f"goldfold {bob_rates.study_id}-R01", '{"keys":{"level-3.0":"j"}}']]


def test_a_part_that_cannot_be_fetched_says_so_and_comes_when_it_can(page: Page, context: BrowserContext) -> None:
    context.set_offline(True)
    page.keyboard.press("k")
    expect(page.locator("#notice-text")).to_have_text("This can’t be opened without a connection.")
    context.set_offline(False)
    page.keyboard.press("k")
    expect(page.locator("#settings-dialog")).to_be_visible()
