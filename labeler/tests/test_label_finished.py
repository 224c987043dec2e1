"""The card when all images are graded."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import replace

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler import labelling
from labeler.answering import answer_all
from labeler.models import Assignment, Membership
from labeler.tests.factories import grade, signed_in, start
from labeler.tests.label_browser import context_of, open_page

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    """Four images; of the first three one was not gradable, and one unsure."""
    items = start(bob_rates, 4)
    labelling.window(bob_rates, 4)
    first, second, third = items[:3]
    flagged = replace(grade(second.token, flag="blur"), level_value=None)
    answer_all(bob_rates, [grade(first.token, 2), flagged, grade(third.token, 3, unsure=True)])
    return items


@pytest.fixture
def context(
    chromium: Browser, live_server: LiveServer, bob: User, dealt: list[Assignment]
) -> Generator[BrowserContext, None, None]:
    with context_of(chromium, live_server, bob) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, bob_rates: Membership) -> Page:
    return open_page(context, bob_rates.study)


def test_the_card_tells_how_many_and_leads_to_ones_own_grades(page: Page) -> None:
    page.keyboard.press("3")
    card = page.locator("#finished")
    expect(card.locator("#finished-count")).to_have_text("4")
    expect(card.get_by_role("link", name="Not gradable (1)")).to_be_visible()
    unsure = card.get_by_role("link", name="Unsure (1)")
    expect(unsure).to_have_attribute("href", re.compile(r"/label/mine/\?show=unsure$"))
    card.get_by_role("link", name="Compare my grades side by side").click()
    expect(page.get_by_role("heading", name="My grades")).to_be_visible()


def test_while_grades_are_on_their_way_the_card_says_so_and_counts_when_they_are_there(
    page: Page, context: BrowserContext
) -> None:
    context.set_offline(True)
    page.keyboard.press("u")
    page.keyboard.press("3")
    expect(page.get_by_text("your last grades are still on their way")).to_be_visible()
    expect(page.get_by_role("link", name="Done")).not_to_be_visible()
    context.set_offline(False)
    expect(page.get_by_role("link", name="Done")).to_be_visible()
    expect(page.get_by_role("link", name="Unsure (2)")).to_be_visible()


def test_only_what_there_is_is_offered(page: Page, bob_rates: Membership, dealt: list[Assignment]) -> None:
    answer_all(bob_rates, [grade(item.token, 3, base_version=1) for item in dealt[1:3]])
    page.keyboard.press("3")
    expect(page.get_by_role("link", name="Compare my grades side by side")).to_be_visible()
    expect(page.locator("#saving-text")).to_have_text("Saved")
    for kind in ("flagged", "unsure"):
        expect(page.locator(f"[data-count={kind}]")).not_to_be_visible()


def test_the_counts_tell_the_listed_fields_and_no_others(
    bob: User, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    client: Client = signed_in(bob)
    told = client.get(f"/studies/{bob_rates.study_id}/label/mine/counts.json").json()
    assert told == {"unsure": 1, "flagged": 1, "rater": "R01"}
