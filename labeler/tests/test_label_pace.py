"""Time left, and the friendly words: after an hour without a break, and when answers come much faster than before."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.models import Membership
from labeler.tests.factories import start
from labeler.tests.label_browser import context_of

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = 60_000
REST = "You have graded for an hour"
QUICK = "much quicker than you usually are"


# The page's clock stands still but for what it is put forward, so that nothing depends on how busy the machine is.
CLOCK = """(() => {
    const begun = 1_700_000_000_000;
    const now = () => Number(sessionStorage.getItem("now") ?? 1000);
    Date.now = () => begun + now();
    performance.now = now;
    window.forward = (ms) => sessionStorage.setItem("now", now() + ms);
})()"""


@pytest.fixture
def page(chromium: Browser, live_server: LiveServer, bob: User, bob_rates: Membership) -> Generator[Page, None, None]:
    """The labelling page with 60 images and a clock that can be put forward."""
    start(bob_rates, 60)
    with context_of(chromium, live_server, bob) as context:
        made = context.new_page()
        made.add_init_script(CLOCK)
        made.goto(f"/studies/{bob_rates.study_id}/label/")
        yield made


def answer(page: Page, times: int, *, after_ms: int = 1000) -> None:
    """Look at each image for so long, and grade it."""
    for _ in range(times):
        page.locator(".stage[data-painted=true]").wait_for()
        page.evaluate("ms => window.forward(ms)", after_ms)
        page.keyboard.press("3")


def begin(page: Page) -> None:
    """The first answer brings what tells the pace."""
    answer(page, 1)
    page.locator(".pace-notice").wait_for(state="attached")


def test_time_left_follows_the_raters_own_pace_and_pauses_do_not_count(page: Page) -> None:
    begin(page)
    answer(page, 4, after_ms=30_000)
    expect(page.locator("#time-left")).to_be_empty()  # too few to tell
    answer(page, 1, after_ms=30_000)
    expect(page.locator("#time-left")).to_have_text("about 27 min left")
    answer(page, 1, after_ms=40 * MINUTE)
    answer(page, 1, after_ms=30_000)
    expect(page.locator("#time-left")).to_have_text("about 26 min left")
    page.reload()
    answer(page, 1, after_ms=30_000)
    expect(page.locator("#time-left")).to_have_text("about 26 min left")


def test_after_an_hour_without_a_break_one_is_suggested_once(page: Page) -> None:
    begin(page)
    notice = page.locator(".pace-notice")
    answer(page, 14, after_ms=4 * MINUTE)
    expect(notice.get_by_role("status")).to_be_empty()
    picture = page.locator(".picture.shown")
    page.locator(".stage[data-painted=true]").wait_for()
    place = picture.bounding_box()
    answer(page, 1, after_ms=4 * MINUTE)
    expect(notice.get_by_role("status")).to_contain_text(REST)
    page.locator(".stage[data-painted=true]").wait_for()
    # It takes no focus, moves nothing, and lies neither over the image nor over what says whether all is saved.
    assert page.evaluate("document.activeElement === document.body")
    assert picture.bounding_box() == place
    told, stage, saving = (page.locator(one).bounding_box() for one in (".pace-notice", ".stage", "#saving"))
    assert told and stage and saving
    assert told["y"] + told["height"] <= stage["y"] and told["x"] + told["width"] <= saving["x"] + 1
    page.keyboard.press("Escape")
    expect(notice.get_by_role("status")).to_be_empty()
    answer(page, 14, after_ms=4 * MINUTE)
    expect(notice.get_by_role("status")).to_be_empty()
    answer(page, 1, after_ms=4 * MINUTE)
    expect(notice.get_by_role("status")).to_contain_text(REST)
    page.get_by_role("button", name="Close this notice").click()
    expect(notice.get_by_role("status")).to_be_empty()


def test_a_break_begins_the_hour_anew_also_across_a_reload(page: Page) -> None:
    begin(page)
    answer(page, 10, after_ms=4 * MINUTE)
    answer(page, 1, after_ms=6 * MINUTE)
    page.reload()
    answer(page, 1, after_ms=4 * MINUTE)
    page.locator(".pace-notice").wait_for(state="attached")
    answer(page, 13, after_ms=4 * MINUTE)
    expect(page.locator(".pace-notice [role=status]")).to_be_empty()
    answer(page, 1, after_ms=4 * MINUTE)
    expect(page.locator(".pace-notice [role=status]")).to_contain_text(REST)


def test_unusually_fast_answers_are_met_by_a_word_once_in_a_while(page: Page) -> None:
    begin(page)
    answer(page, 34, after_ms=4_000)
    status = page.locator(".pace-notice [role=status]")
    answer(page, 3, after_ms=400)
    expect(status).to_be_empty()
    answer(page, 6, after_ms=400)
    expect(status).to_contain_text(QUICK)
    page.keyboard.press("Escape")
    page.reload()
    answer(page, 1, after_ms=400)
    status.wait_for(state="attached")
    answer(page, 7, after_ms=400)
    expect(page.locator("#progress-text")).to_have_text("53 of 60")
    expect(status).to_be_empty()


def test_a_constant_pace_is_nobodys_business(page: Page) -> None:
    begin(page)
    # Below the second that is unusual; a word would still stand at the end.
    answer(page, 45, after_ms=700)
    expect(page.locator("#progress-text")).to_have_text("47 of 60")
    expect(page.locator(".pace-notice [role=status]")).to_be_empty()
