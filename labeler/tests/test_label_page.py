"""The labelling page in a browser, by keyboard and by thumb."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import audit
from accounts.models import User
from labeler.models import Assignment, Label, Membership, StudyState
from labeler.studies import set_state
from labeler.tests.factories import signed_in, start
from labeler.tests.label_browser import answers, context_of, images_ahead, open_page, press, saved, without_waits

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


def test_a_key_grades_and_shows_the_next_image(page: Page, dealt: list[Assignment]) -> None:
    expect(page.locator("#progress-text")).to_have_text("1 of 12")
    press(page, "3", "5", "1")
    expect(page.locator("#progress-text")).to_have_text("4 of 12")
    expect(page.locator(".picture.shown")).to_have_attribute(
        "src", f"/studies/{_study(dealt)}/label/i/{dealt[3].token}.jpg"
    )
    saved(page)
    assert answers(dealt)[:4] == [[3], [5], [1], []]
    shown = Assignment.objects.filter(shown_seq__isnull=False).order_by("shown_seq")
    assert [item.pk for item in shown] == [item.pk for item in dealt[:3]]
    first = dealt[0].labels.get()
    assert first.decide_ms is not None and first.client_time is not None
    assert first.viewing["window_width"] == 1280 and first.viewing["image_height"] > 300


def test_arrows_and_enter_grade(page: Page, dealt: list[Assignment]) -> None:
    press(page, "ArrowDown", "ArrowDown", "ArrowDown", "Enter", "ArrowUp", "Enter")
    saved(page)
    assert answers(dealt)[:2] == [[3], [2]]


def test_a_key_that_is_held_down_grades_one_image(page: Page, dealt: list[Assignment]) -> None:
    for _ in range(6):
        page.keyboard.down("2")
        page.wait_for_timeout(60)
    page.keyboard.up("2")
    saved(page)
    assert answers(dealt)[:2] == [[2], []]


def test_back_shows_the_answer_and_a_change_is_a_new_version(page: Page, dealt: list[Assignment]) -> None:
    press(page, "2", "4", "Backspace")
    expect(page.locator("#reviewing-text")).to_have_text("image 2: Moderate")
    expect(page.locator(".level[aria-pressed=true] .level-name")).to_have_text("Moderate")
    press(page, "ArrowLeft", "5")
    expect(page.locator("#progress-text")).to_have_text("3 of 12")
    saved(page)
    assert answers(dealt)[:3] == [[2, 5], [4], []]


def test_the_same_grade_again_is_no_change(page: Page, dealt: list[Assignment]) -> None:
    press(page, "2", "Backspace", "2")
    expect(page.locator("#progress-text")).to_have_text("2 of 12")
    saved(page)
    assert answers(dealt)[:2] == [[2], []]


def test_a_flag_needs_a_reason_and_another_reason_needs_words(page: Page, dealt: list[Assignment]) -> None:
    press(page, "f", "ArrowDown", "Enter")
    expect(page.locator("#progress-text")).to_have_text("2 of 12")
    press(page, "f")
    page.get_by_role("radio", name="Another reason").check()
    page.keyboard.press("Enter")
    expect(page.locator("#flag-dialog")).to_be_visible()
    page.get_by_label("In your words").fill("a drawing")
    page.keyboard.press("Enter")
    expect(page.locator("#flag-dialog")).to_be_hidden()
    press(page, "f", "Escape", "1")
    saved(page)
    assert answers(dealt)[:4] == [["dark"], ["other"], [1], []]
    assert dealt[1].labels.get().comment == "a drawing"


def test_unsure_goes_with_one_grade(page: Page, dealt: list[Assignment]) -> None:
    press(page, "u", "3", "3")
    saved(page)
    assert [item.labels.get().unsure for item in dealt[:2]] == [True, False]


def test_what_is_graded_offline_is_delivered_when_the_network_is_back(
    page: Page, context: BrowserContext, dealt: list[Assignment]
) -> None:
    press(page, "1")
    saved(page)
    images_ahead(page)
    context.set_offline(True)
    press(page, "2", "3", "Backspace", "5")
    expect(page.locator("#saving-text")).to_have_text("Offline · 3 waiting")
    assert answers(dealt)[:3] == [[1], [], []]
    context.set_offline(False)
    saved(page)
    assert answers(dealt)[:4] == [[1], [2], [3, 5], []]


def test_a_reload_goes_on_where_the_rater_was(page: Page, dealt: list[Assignment]) -> None:
    press(page, "1", "2")
    saved(page)
    page.reload()
    expect(page.locator("#progress-text")).to_have_text("3 of 12")
    press(page, "Backspace", "Backspace")
    expect(page.locator("#reviewing-text")).to_have_text("image 1: Clear")
    press(page, "4")
    expect(page.locator("#progress-text")).to_have_text("3 of 12")
    saved(page)
    assert answers(dealt)[:3] == [[1, 4], [2], []]


def test_a_paused_study_keeps_grades_waiting_and_says_so(
    page: Page, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    set_state(bob_rates.study, StudyState.PAUSED, actor=audit.SYSTEM)
    press(page, "3")
    expect(page.locator("#saving-text")).to_contain_text("paused")
    expect(page.locator("#saving-text")).to_contain_text("Waiting here: 1.")
    assert not Label.objects.exists()
    set_state(bob_rates.study, StudyState.LABELLING, actor=audit.SYSTEM)
    saved(page)
    assert answers(dealt)[0] == [3]


def test_an_expired_sign_in_asks_and_then_delivers(
    page: Page, context: BrowserContext, live_server: LiveServer, bob: User, dealt: list[Assignment]
) -> None:
    context.clear_cookies()
    press(page, "3")
    expect(page.locator("#sign-in")).to_be_visible()
    assert not Label.objects.exists()
    fresh = signed_in(bob).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": fresh, "url": live_server.url}])
    saved(page)
    expect(page.locator("#sign-in")).to_be_hidden()
    assert answers(dealt)[0] == [3]


def test_somebody_else_who_signed_in_does_not_get_the_grades(
    page: Page,
    context: BrowserContext,
    live_server: LiveServer,
    carol: User,
    carol_rates: Membership,
    dealt: list[Assignment],
) -> None:
    other = signed_in(carol).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": other, "url": live_server.url}])
    press(page, "3")
    expect(page.locator("#saving-text")).to_contain_text("Waiting here: 1.")
    assert not Label.objects.exists()


def test_all_graded_ends_on_a_page_that_lets_one_look_back(page: Page, dealt: list[Assignment]) -> None:
    press(page, *"123451234512")
    expect(page.get_by_role("heading", name="All images are graded")).to_be_visible()
    expect(page.locator("#progress-text")).to_have_text("12 of 12")
    saved(page)
    assert all(len(versions) == 1 for versions in answers(dealt))
    page.keyboard.press("Backspace")
    expect(page.locator("#reviewing-text")).to_have_text("image 12: Almost clear")
    press(page, "5")
    expect(page.get_by_role("heading", name="All images are graded")).to_be_visible()
    saved(page)
    assert answers(dealt)[-1] == [2, 5]


def test_a_burst_of_keys_grades_image_after_image(page: Page, dealt: list[Assignment]) -> None:
    """As fast as they are painted: with images in memory, nothing has to wait for a time to pass."""
    images_ahead(page, 10)
    without_waits(page)
    press(page, *["3"] * 10)
    saved(page)
    assert answers(dealt) == [[3]] * 10 + [[]] * 2


def test_a_thumb_grades_on_a_phone_and_nothing_moves(
    chromium: Browser, live_server: LiveServer, bob: User, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    phone: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with context_of(chromium, live_server, bob, **phone) as context:
        page = open_page(context, bob_rates.study)
        button = page.get_by_role("button", name="Mild", exact=True)
        before = button.bounding_box()
        assert before is not None and before["y"] > 844 / 2 and before["height"] >= 44
        button.tap()
        expect(page.locator("#progress-text")).to_have_text("2 of 12")
        page.get_by_role("button", name="Back").tap()
        expect(page.locator("#reviewing-text")).to_have_text("image 1: Mild")
        assert button.bounding_box() == before
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        saved(page)
    assert answers(dealt)[0] == [3]


def test_the_next_images_lie_in_memory_and_cost_no_request_when_shown(page: Page, dealt: list[Assignment]) -> None:
    images_ahead(page, 4)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    press(page, "3", "3")
    page.locator(".stage[data-painted=true]").wait_for()
    saved(page)
    assert not [url for url in asked if any(item.token in url for item in dealt[:4])]


def _study(dealt: list[Assignment]) -> int:
    return dealt[0].membership.study_id
