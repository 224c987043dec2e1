"""Several windows, or machines, of one rater: each answer once, in order, and told everywhere."""

from __future__ import annotations

from collections.abc import Generator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler import answering
from labeler.models import Assignment, Label, Membership
from labeler.tests.factories import start
from labeler.tests.label_browser import ANSWERS, answers, context_of, cut, kept, mend, open_page, press, saved, waits
from labeler.tests.test_label_outbox import change_first

pytestmark = pytest.mark.django_db(transaction=True)


NO_LOCKS = "delete Navigator.prototype.locks;"


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


def test_what_is_graded_in_one_window_is_not_asked_in_the_other(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    second = open_page(context, bob_rates.study)
    press(page, "3")
    expect(second.locator("#progress-text")).to_have_text("2 of 12")
    expect(second.locator("#notice-text")).to_contain_text("graded in another window")
    press(second, "4")
    expect(second.locator("#notice")).to_be_hidden()
    press(second, "Backspace", "Backspace")
    expect(second.locator("#reviewing-text")).to_have_text("image 1: Mild")
    press(second, "5")
    saved(second)
    # What was graded there is known here.
    expect(page.locator("#progress-text")).to_have_text("3 of 12")
    saved(page)
    press(page, "1")
    saved(page)
    assert answers(dealt)[:4] == [[3, 5], [4], [1], []]
    assert not Label.objects.filter(stale=True).exists()


def test_a_dialog_about_an_image_that_was_graded_in_another_window_closes(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    second = open_page(context, bob_rates.study)
    press(second, "f")
    expect(second.locator("#flag-dialog")).to_be_visible()
    press(page, "3")
    expect(second.locator("#flag-dialog")).to_be_hidden()
    saved(page)
    assert answers(dealt)[:2] == [[3], []]


@pytest.mark.parametrize("without", ["", NO_LOCKS], ids=["locks", "no-locks"])
def test_a_window_delivers_what_another_one_left(
    context: BrowserContext, bob_rates: Membership, dealt: list[Assignment], without: str
) -> None:
    context.add_init_script(without)
    first, second = open_page(context, bob_rates.study), open_page(context, bob_rates.study)
    held: list[Route] = []
    first.route(ANSWERS, lambda route: held.append(route))
    press(first, "3", "4")
    # Truly: neither window says that all is saved while one of them waits.
    expect(second.locator("#saving")).to_have_attribute("data-state", "saving")
    expect(second.locator("#progress-text")).to_have_text("3 of 12")
    kept(first, 2)
    first.close()
    saved(second)
    assert answers(dealt)[:3] == [[3], [4], []]


def test_windows_without_locks_deliver_in_order_and_each_answer_once(
    context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    context.add_init_script(NO_LOCKS)
    first, second = open_page(context, bob_rates.study), open_page(context, bob_rates.study)
    cut(context)
    press(first, "3")
    expect(second.locator("#progress-text")).to_have_text("2 of 12")
    press(second, "Backspace", "4")
    # Its turn is that in which the machine has it.
    kept(second, 2)
    press(first, "Backspace", "5", "2")
    for page in (first, second):
        waits(page, 4)
    mend(context)
    for page in (first, second):
        saved(page)
    assert answers(dealt)[:3] == [[3, 4, 5], [2], []]


@pytest.mark.parametrize(("choice", "versions"), [("Put back: Mild", [3, 4, 3]), ("Keep: Moderate", [3, 4])])
def test_a_grade_of_a_machine_that_lags_behind_is_told_of_and_can_be_undone(
    page: Page,
    chromium: Browser,
    live_server: LiveServer,
    bob: User,
    bob_rates: Membership,
    dealt: list[Assignment],
    choice: str,
    versions: list[int],
) -> None:
    with context_of(chromium, live_server, bob) as elsewhere:
        second = open_page(elsewhere, bob_rates.study)
        press(page, "3")
        saved(page)
        press(second, "4")
        expect(second.locator("#notice-text")).to_have_text("You had graded this image before: Mild. Now: Moderate.")
        second.get_by_role("button", name=choice).click()
        expect(second.locator("#notice")).to_be_hidden()
        saved(second)
        assert answers(dealt)[0] == versions
        press(second, "Backspace")
        expect(second.locator("#reviewing-text")).to_contain_text("Mild" if versions[-1] == 3 else "Moderate")
    assert [label.stale for label in dealt[0].labels.order_by("version")] == [False, True, False][: len(versions)]


def test_a_key_that_was_meant_for_an_image_that_is_gone_grades_no_other(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    second = open_page(context, bob_rates.study)
    # As soon as the next image is there: nobody can have judged it by then.
    second.evaluate(
        """() => new MutationObserver((_, observer) => {
            observer.disconnect();
            setTimeout(() => {
                document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "1", bubbles: true}));
                window.wasPressed = true;
            }, 200);
        }).observe(document.getElementById("progress-text"), {childList: true})"""
    )
    press(page, "3")
    expect(second.locator("#progress-text")).to_have_text("2 of 12")
    second.wait_for_function("() => window.wasPressed")
    saved(page)
    saved(second)
    assert answers(dealt)[:2] == [[3], []]


def test_a_notice_of_a_stale_grade_goes_everywhere_when_the_grade_is_given_once_more(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    """Its “now” would not be true any more."""
    second = open_page(context, bob_rates.study)
    give(bob_rates, dealt[0], 3)
    press(page, "4")
    expect(second.locator("#notice-text")).to_contain_text("in another window")
    second.locator("#notice-close").click()
    for window in (page, second):
        expect(window.locator("#notice-text")).to_contain_text("Now: Moderate.")
    page.get_by_role("button", name="Put back: Mild").click()
    expect(second.locator("#notice")).to_be_hidden()
    saved(page)
    give(bob_rates, dealt[1], 3)
    press(page, "4")
    expect(page.locator("#notice-text")).to_contain_text("Now: Moderate.")
    press(page, "Backspace", "5")
    expect(page.locator("#notice")).to_be_hidden()
    saved(page)
    assert answers(dealt)[:2] == [[3, 4, 3], [3, 4, 5]]


def test_what_one_window_gets_taken_after_all_the_other_does_not_call_refused(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    second = open_page(context, bob_rates.study)
    context.route(ANSWERS, change_first(dealt[0].token, token="x" * 22))
    press(page, "3")
    for window in (page, second):
        expect(window.locator("#saving-text")).to_have_text("Not taken: 1")
    mend(context)
    page.get_by_role("button", name="Look").click()
    page.get_by_role("button", name="Try again").click()
    for window in (page, second):
        saved(window)
    assert answers(dealt)[:2] == [[3], []]
    context.route(ANSWERS, change_first(dealt[1].token, token="x" * 22))
    press(page, "3")
    expect(second.locator("#saving-text")).to_have_text("Not taken: 1")
    page.get_by_role("button", name="Look").click()
    page.get_by_role("button", name="Discard", exact=True).click()
    page.get_by_role("button", name="Discard for good").click()
    for window in (page, second):
        saved(window)
    assert answers(dealt)[:2] == [[3], []]


def give(rater: Membership, item: Assignment, level: float) -> None:
    """An answer from another machine."""
    assert answering.answer(rater, answering.Answer(item.token, uuid4(), level)).status == "saved"
