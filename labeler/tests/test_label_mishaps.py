"""What may go wrong around the labelling page: stores that are cleared, proxies, late replies, pages brought back."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.models import Assignment, Label, Membership
from labeler.tests.factories import start
from labeler.tests.label_browser import (
    ANSWERS,
    address,
    answers,
    context_of,
    cut,
    eventually,
    kept,
    leaves,
    leaves_not,
    mend,
    open_page,
    press,
    saved,
    waits,
    without_waits,
)

pytestmark = pytest.mark.django_db(transaction=True)

PREVIOUS = "**/label/previous.json*"


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


def test_grades_that_wait_outlive_a_browser_that_is_told_to_forget_all(
    page: Page, context: BrowserContext, live_server: LiveServer, dealt: list[Assignment]
) -> None:
    cut(context)
    press(page, "3", "4")
    waits(page, 2)
    kept(page, 2)
    origin = {"origin": live_server.url, "storageTypes": "indexeddb"}
    context.new_cdp_session(page).send("Storage.clearDataForOrigin", origin)
    # Later than those that are forgotten.
    press(page, "Backspace", "5")
    waits(page, 3)
    # With the next try the page knows; the first that is seen here may have begun before.
    for _ in range(2):
        with page.expect_request(ANSWERS):
            page.evaluate("window.dispatchEvent(new Event('focus'))")
    assert leaves_not(page) == ["beforeunload"]
    mend(context)
    saved(page)
    assert answers(dealt)[:3] == [[3], [4, 5], []]
    assert not Label.objects.filter(stale=True).exists()
    assert leaves(page) == []


@pytest.mark.parametrize("reply", ["{}", '{"outcomes": {}}', "null", "<h1>Sign in to this network</h1>"])
def test_a_reply_that_is_none_leaves_the_grade_waiting(page: Page, dealt: list[Assignment], reply: str) -> None:
    page.route(ANSWERS, lambda route: route.fulfill(body=reply, content_type="application/json"))
    press(page, "3")
    waits(page, 1)
    mend(page)
    saved(page)
    assert answers(dealt)[0] == [3]


def test_who_comes_back_while_a_try_is_under_way_waits_for_no_later_one(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    held: list[Route] = []
    page.route(ANSWERS, lambda route: held.append(route) if len(held) < 4 else route.continue_())
    press(page, "3")
    for tries in range(1, 5):
        eventually(page, lambda: len(held), tries)
        if tries < 4:
            held[-1].abort()
    # The next wait would be of 4 seconds or so, and never ends here.
    without_waits(page)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    held[-1].abort()
    saved(page)
    assert answers(dealt)[0] == [3]


def test_where_a_proxy_takes_no_long_messages_grades_go_in_short_ones(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    sizes: list[int] = []

    def too_large(route: Route) -> None:
        sizes.append(len(json.loads(route.request.post_data or "")["answers"]))
        if sizes[-1] > 2:
            route.fulfill(status=413, body="<h1>Request Entity Too Large</h1>")
        else:
            route.continue_()

    cut(context)
    press(page, *"1234512345")
    waits(page, 10)
    # In place of what cuts it: at no moment does a long message get through.
    context.route(ANSWERS, too_large)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    # Each try comes after a longer wait.
    expect(page.locator("#saving-text")).to_have_text("Saved", timeout=60_000)
    assert answers(dealt)[:11] == [*([[1], [2], [3], [4], [5]] * 2), []]
    assert max(sizes) > 2


def test_long_comments_in_any_script_are_within_what_a_closing_page_may_send(page: Page) -> None:
    told = page.evaluate(
        """async () => {
            const preload = document.querySelector('link[rel=modulepreload][href*="label/server"]');
            const { Server } = await import(preload.href);
            const kept = [];
            window.fetch = async (url, { keepalive }) => {
                kept.push(keepalive);
                return new Response('{"outcomes": []}');
            };
            const server = new Server({ answers: "/" }, { csrf: "", rater: "R01" });
            for (const sign of ["a", "痤"]) await server.deliver([{ comment: sign.repeat(30_000) }]);
            return kept;
        }"""
    )
    assert told == [True, False]


def test_a_page_that_is_brought_back_as_it_was_left_is_loaded_anew(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    press(page, "3")
    saved(page)
    with page.expect_navigation():
        page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page.locator("#progress-text")).to_have_text("2 of 12")


def test_images_before_one_whose_change_waits_are_asked_for_from_there(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    press(page, "3", "4")
    saved(page)
    page.reload()
    page.locator(".stage[data-painted=true]").wait_for()
    press(page, "Backspace", "Backspace")
    expect(page.locator("#reviewing-text")).to_have_text("image 1: Mild")
    cut(context)
    press(page, "5")
    waits(page, 1)
    press(page, "Backspace", "Backspace")
    expect(page.locator("#reviewing-text")).to_have_text("image 1: Severe")
    with page.expect_request(lambda request: f"previous.json?before={dealt[0].token}" in request.url):
        page.keyboard.press("Backspace")


def test_an_image_that_comes_late_from_the_past_is_not_shown_to_who_has_gone_on(
    page: Page, dealt: list[Assignment]
) -> None:
    page.evaluate(
        "localStorage.setItem('goldfold ' + JSON.parse(document.getElementById('boot').textContent).owner, "
        "JSON.stringify({strip: false}))"
    )
    press(page, "3", "4")
    saved(page)
    page.reload()
    page.locator(".stage[data-painted=true]").wait_for()
    held: list[Route] = []
    page.route(PREVIOUS, lambda route: held.append(route))
    with page.expect_request(PREVIOUS):
        page.keyboard.press("Backspace")
    press(page, "1")
    saved(page)
    eventually(page, lambda: len(held), 1)
    with page.expect_response(PREVIOUS):
        held[0].continue_()
    page.wait_for_timeout(200)
    expect(page.locator(".picture.shown")).to_have_attribute("src", address(dealt[3]))
    press(page, "Backspace", "Backspace")
    expect(page.locator("#reviewing-text")).to_have_text("image 2: Moderate")
