"""No grade is lost: what the labelling page keeps on the machine, in a browser whose network and windows misbehave."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts import audit
from accounts.models import User
from labeler.models import Assignment, Label, Membership, StudyState
from labeler.studies import set_state
from labeler.tests.factories import deal, start
from labeler.tests.label_browser import (
    ANSWERS,
    address,
    answers,
    clicks,
    context_of,
    cut,
    dismissed,
    eventually,
    images_ahead,
    kept,
    leaves,
    leaves_not,
    mend,
    open_page,
    press,
    saved,
    sign_in,
    waits,
    without_waits,
)

pytestmark = pytest.mark.django_db(transaction=True)

NO_STORE = "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };"


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


def take_late(page: Route, held: list[Route]) -> None:
    """The server writes the page, and only then gets the answers that were held."""
    written = page.fetch()
    for route in held:
        route.fulfill(response=route.fetch())
    page.fulfill(response=written)


def change_first(token: str, /, **fields: object) -> Callable[[Route], None]:
    """On its way, the answer to that image becomes one that the server can't take."""

    def handle(route: Route) -> None:
        message = json.loads(route.request.post_data or "")
        for one in message["answers"]:
            if one["token"] == token:
                one.update(fields)
        route.continue_(post_data=json.dumps(message))

    return handle


def test_grades_that_wait_survive_a_reload_and_count_as_given(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    cut(context)
    press(page, "2", "4")
    waits(page, 2)
    kept(page, 2)
    page.reload()
    expect(page.locator("#progress-text")).to_have_text("3 of 12")
    expect(page.locator(".picture.shown")).to_have_attribute("src", address(dealt[2]))
    waits(page, 2)
    press(page, "Backspace")
    expect(page.locator("#reviewing-text")).to_have_text("image 2: Moderate")
    press(page, "5", "1")
    waits(page, 4)
    assert not Label.objects.exists()
    mend(context)
    saved(page)
    assert answers(dealt)[:4] == [[2], [4, 5], [1], []]
    assert not Label.objects.filter(stale=True).exists()


def test_grades_that_wait_survive_a_closed_page_which_needs_no_warning(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    cut(context)
    press(page, "3", "1")
    waits(page, 2)
    kept(page, 2)
    assert leaves(page) == []
    again = open_page(context, bob_rates.study)
    expect(again.locator("#progress-text")).to_have_text("3 of 12")
    mend(context)
    saved(again)
    assert answers(dealt)[:3] == [[3], [1], []]


def test_a_change_that_waits_is_what_looking_back_tells_after_a_reload(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    press(page, "2", "3")
    saved(page)
    cut(context)
    press(page, "Backspace", "Backspace", "5")
    waits(page, 1)
    # For a while the machine also has those that the server has.
    kept(page, 3)
    page.reload()
    expect(page.locator("#progress-text")).to_have_text("3 of 12")
    press(page, "Backspace", "Backspace")
    expect(page.locator("#reviewing-text")).to_have_text("image 1: Severe")
    press(page, "4")
    mend(context)
    saved(page)
    assert answers(dealt)[:3] == [[2, 5, 4], [3], []]
    assert not Label.objects.filter(stale=True).exists()


def test_a_reload_while_an_answer_is_on_its_way_neither_loses_nor_repeats_it(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    held: list[Route] = []
    # The first alone: a page that never heard of its confirmation delivers it once more.
    page.route(ANSWERS, lambda route: route.continue_() if held else held.append(route))
    press(page, "3")
    eventually(page, lambda: len(held), 1)
    # The server takes it while the page that gave it is replaced by one that was written before.
    page.route("**/label/", lambda route: take_late(route, held))
    page.reload()
    expect(page.locator("#progress-text")).to_have_text("2 of 12")
    mend(page)
    press(page, "Backspace", "5")
    saved(page)
    assert answers(dealt)[:2] == [[3, 5], []]
    assert not Label.objects.filter(stale=True).exists()


def test_an_answer_whose_confirmation_was_lost_is_written_once(page: Page, dealt: list[Assignment]) -> None:
    lost: list[int] = []

    def lose(route: Route) -> None:
        lost.append(route.fetch().status)
        route.abort()

    page.route(ANSWERS, lose)
    press(page, "3", "Backspace", "4")
    waits(page, 2)
    mend(page)
    saved(page)
    assert lost[0] == 200
    assert answers(dealt)[:2] == [[3, 4], []]


@pytest.mark.parametrize("spoilt", [{"token": "x" * 22}, {"flag": "nonsense"}], ids=["unknown", "unreadable"])
def test_one_answer_that_is_refused_blocks_no_other_and_is_kept(
    page: Page, context: BrowserContext, dealt: list[Assignment], spoilt: dict[str, Any]
) -> None:
    cut(context)
    press(page, "3", "4", "5")
    waits(page, 3)
    # In place of what cuts it: at no moment does an answer get through as it was given.
    context.route(ANSWERS, change_first(dealt[1].token, **spoilt))
    expect(page.locator("#saving-text")).to_have_text("Not taken: 1")
    assert answers(dealt)[:4] == [[3], [], [5], []]
    # Its image is not graded, and comes again.
    expect(page.locator(".picture.shown")).to_have_attribute("src", address(dealt[1]))
    page.reload()
    expect(page.locator("#saving")).to_have_attribute("data-state", "refused")
    page.get_by_role("button", name="Look").click()
    dialog = page.get_by_role("dialog", name="Grades that were not taken")
    expect(dialog.get_by_role("listitem")).to_contain_text("Moderate, given")
    mend(context)
    dialog.get_by_role("button", name="Try again").click()
    expect(dialog).to_be_hidden()
    saved(page)
    assert answers(dealt)[:4] == [[3], [4], [5], []]
    expect(page.locator(".picture.shown")).to_have_attribute("src", address(dealt[3]))


def test_a_refused_answer_is_discarded_knowingly(page: Page, context: BrowserContext, dealt: list[Assignment]) -> None:
    context.route(ANSWERS, change_first(dealt[0].token, token="x" * 22))
    press(page, "3")
    page.get_by_role("button", name="Look").click()
    page.get_by_role("button", name="Discard", exact=True).click()
    expect(page.locator("#saving-text")).to_have_text("Not taken: 1")
    page.get_by_role("button", name="Discard for good").click()
    saved(page)
    mend(context)
    page.reload()
    saved(page)
    press(page, "2")
    saved(page)
    assert answers(dealt)[:2] == [[2], []]


def test_a_browser_that_keeps_nothing_says_so_and_warns_of_leaving(
    context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    context.add_init_script(NO_STORE)
    page = open_page(context, bob_rates.study)
    expect(page.locator("#notice-text")).to_contain_text("This browser keeps nothing")
    press(page, "2")
    saved(page)
    cut(context)
    press(page, "4", "Backspace", "5")
    waits(page, 2)
    assert leaves_not(page) == ["beforeunload"]
    mend(context)
    saved(page)
    assert answers(dealt)[:3] == [[2], [4, 5], []]
    assert leaves(page) == []


def test_grades_wait_for_their_rater_while_another_one_uses_the_computer(
    page: Page,
    context: BrowserContext,
    live_server: LiveServer,
    bob: User,
    carol: User,
    bob_rates: Membership,
    carol_rates: Membership,
    dealt: list[Assignment],
) -> None:
    deal(carol_rates, [item.image for item in dealt[:3]])
    cut(context)
    press(page, "3", "4")
    waits(page, 2)
    kept(page, 2)
    assert leaves(page) == []
    mend(context)
    sign_in(context, live_server, carol)
    hers = open_page(context, carol_rates.study)
    expect(hers.locator("#progress-text")).to_have_text("1 of 3")
    saved(hers)
    press(hers, "1")
    saved(hers)
    assert [label.assignment.membership for label in Label.objects.all()] == [carol_rates]
    hers.close()
    sign_in(context, live_server, bob)
    saved(open_page(context, bob_rates.study))
    assert answers(dealt)[:3] == [[3], [4], []]


def test_the_front_page_tells_of_grades_that_wait_and_asks_before_signing_out(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    home = context.new_page()
    home.goto("/")
    waiting = home.get_by_text("Grades that wait on this computer until you open the study: 2")
    expect(waiting).to_be_hidden()
    cut(context)
    press(page, "3", "4")
    waits(page, 2)
    kept(page, 2)
    assert leaves(page) == []
    home.reload()
    expect(waiting).to_be_visible()
    asked = dismissed(home)
    home.get_by_role("button", name="Sign out").click()
    eventually(home, lambda: [("wait on this computer" in told) for _, told in asked], [True])
    mend(context)
    home.get_by_role("link", name="Continue").or_(home.get_by_role("link", name="Start grading")).click()
    saved(home)
    home.goto("/")
    expect(home.get_by_text("2 of 12 images graded")).to_be_visible()
    expect(home.locator(".place-waits")).to_be_hidden()
    home.get_by_role("button", name="Sign out").click()
    home.wait_for_url("**/accounts/login/**")


def test_signing_in_again_in_another_tab_delivers_without_a_reload(
    page: Page, context: BrowserContext, live_server: LiveServer, bob: User, dealt: list[Assignment]
) -> None:
    context.clear_cookies()
    # What the page waits for after a failure never ends, but for coming back to the page.
    without_waits(page)
    press(page, "3")
    expect(page.locator("#sign-in")).to_be_visible()
    expect(page.locator("#sign-in")).to_have_attribute("target", "_blank")
    sign_in(context, live_server, bob)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    saved(page)
    assert answers(dealt)[0] == [3]


def test_a_paused_study_keeps_grades_over_a_closed_page(
    page: Page, context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    set_state(bob_rates.study, StudyState.PAUSED, actor=audit.SYSTEM)
    press(page, "3")
    expect(page.locator("#saving-text")).to_contain_text("paused")
    kept(page, 1)
    assert leaves(page) == []
    set_state(bob_rates.study, StudyState.LABELLING, actor=audit.SYSTEM)
    saved(open_page(context, bob_rates.study))
    assert answers(dealt)[:2] == [[3], []]


def test_what_is_in_memory_can_be_graded_offline_to_the_last_image(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    images_ahead(page, 10)
    context.set_offline(True)
    press(page, *"1234512345")
    expect(page.locator("#saving-text")).to_have_text("Offline · 10 waiting")
    context.set_offline(False)
    saved(page)
    press(page, "3", "3")
    expect(page.get_by_role("heading", name="All images are graded")).to_be_visible()
    saved(page)
    assert answers(dealt) == [[1], [2], [3], [4], [5], [1], [2], [3], [4], [5], [3], [3]]


def test_a_double_click_grades_one_image(page: Page, dealt: list[Assignment]) -> None:
    clicks(page, page.get_by_role("button", name="Mild", exact=True), times=2)
    expect(page.locator("#progress-text")).to_have_text("2 of 12")
    saved(page)
    assert answers(dealt)[:2] == [[3], []]
