"""axe-core finds nothing on any page that a rater sees: on a large, light screen, and on a phone in the dark."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import audit
from accounts.models import User
from accounts.users import set_password_url
from labeler import labelling
from labeler.answering import answer_all
from labeler.models import Assignment, Membership, Study, StudyState
from labeler.practice import add_item
from labeler.studies import set_state
from labeler.tests.factories import grade, picture, start
from labeler.tests.label_browser import PATIENCE_MS, context_of, open_page

pytestmark = pytest.mark.django_db(transaction=True)

# Half of all combinations: what depends on the size does not depend on the colours.
LOOKS: dict[str, dict[str, Any]] = {
    "large and light": {"viewport": {"width": 1366, "height": 768}, "color_scheme": "light"},
    "phone and dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True},
}
GRAVE = {"serious", "critical"}


@pytest.fixture(params=LOOKS, ids=str)
def look(request: pytest.FixtureRequest) -> dict[str, Any]:
    return LOOKS[request.param]


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    return start(bob_rates, 6)


@pytest.fixture
def context(
    chromium: Browser, live_server: LiveServer, bob: User, look: dict[str, Any]
) -> Generator[BrowserContext, None, None]:
    with context_of(chromium, live_server, bob, **look) as made:
        yield made


@pytest.fixture
def stranger(chromium: Browser, live_server: LiveServer, look: dict[str, Any]) -> Generator[BrowserContext, None, None]:
    with chromium.new_context(base_url=live_server.url, **look) as made:
        made.set_default_timeout(PATIENCE_MS)
        yield made


def faults(page: Page) -> list[str]:
    """What axe finds grave, and a page that is wider than its window."""
    # Without `preload`: it would fetch the style sheets again.
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
    told = [
        f"{one['impact']} {one['id']}: {node['html'][:140]}"
        for one in found
        for node in one["nodes"]
        if one["impact"] in GRAVE
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        told.append("the page is wider than its window")
    return told


def visit(context: BrowserContext, *addresses: str) -> dict[str, list[str]]:
    """The faults of each page that has some."""
    page = context.new_page()
    found = {}
    for address in addresses:
        page.goto(address)
        found[address] = faults(page)
    return {address: told for address, told in found.items() if told}


def test_faults_would_be_found(context: BrowserContext, bob: User) -> None:
    page = context.new_page()
    page.goto("/accounts/")
    page.evaluate("document.querySelector('main').innerHTML = '<p>pale</p><img src=x>'")
    page.evaluate("Object.assign(document.querySelector('main p').style, {color: '#777', minWidth: '3000px'})")
    kinds = {one.split(":")[0] for one in faults(page)}
    assert {"critical image-alt", "serious color-contrast", "the page is wider than its window"} <= kinds


def test_pages_before_the_sign_in(stranger: BrowserContext, bob: User) -> None:
    addresses = [
        "login/",
        "inactive/",
        "signup/",
        "password/reset/",
        "password/reset/done/",
        "password/reset/key/done/",
    ]
    invited = "/" + set_password_url(bob).split("/", 3)[3]
    assert (
        visit(stranger, *(f"/accounts/{one}" for one in addresses), invited, "/accounts/password/reset/key/1-x/") == {}
    )
    page = stranger.new_page()
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill("bob@example.org")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert faults(page) == []


def test_pages_around_the_grading(context: BrowserContext, study: Study, dealt: list[Assignment]) -> None:
    pages = ["/", "/accounts/", "/accounts/password/change/", "/accounts/logout/", "/nowhere/"]
    commitments = f"/studies/{study.pk}/commitment/"
    assert visit(context, *pages, commitments) == {}
    for state in (StudyState.PAUSED, StudyState.CLOSED):
        set_state(study, state, actor=audit.SYSTEM)
        assert visit(context, "/", f"/studies/{study.pk}/label/") == {}
    assert visit(context, commitments) == {}


@pytest.mark.parametrize("regions", [False, True], ids=["whole face", "regions"])
def test_the_labelling_page(context: BrowserContext, study: Study, dealt: list[Assignment], regions: bool) -> None:
    Study.objects.filter(pk=study.pk).update(grade_regions=regions)
    page = open_page(context, study)
    assert faults(page) == []
    if regions:
        return
    for key, shown in {
        "f": "#flag-dialog",
        "?": "#help-dialog",
        "c": "#comment-dialog",
        "k": "#settings-dialog",
    }.items():
        page.keyboard.press(key)
        page.locator(f"{shown}[open]").wait_for()
        assert faults(page) == [], shown
        page.keyboard.press("Escape")
    for opener, shown in {"#light-open": "#light", "#reference-open": "#reference"}.items():
        page.locator(opener).click()
        page.locator(shown).wait_for()
        assert faults(page) == [], shown
        page.locator(opener).click()
        page.locator(shown).wait_for(state="hidden")
    page.keyboard.press("3")
    page.keyboard.press("Backspace")
    expect(page.locator("#reviewing")).to_be_visible()
    assert faults(page) == []


def test_the_welcome_and_its_practice(context: BrowserContext, study: Study, dealt: list[Assignment]) -> None:
    Study.objects.filter(pk=study.pk).update(welcome=True)
    for order, level in enumerate(study.levels.all()[:2], start=1):
        add_item(study, picture(100 + order), level.value, actor=audit.SYSTEM)
    page = context.new_page()
    page.goto(f"/studies/{study.pk}/label/")
    assert faults(page) == []
    page.locator("#practise").click()
    page.locator("#practice .level").first.wait_for()
    assert faults(page) == []
    page.locator("#practice .level").first.click()
    expect(page.locator("#practice-said")).not_to_be_empty()
    assert faults(page) == []


def test_the_end_of_the_images_and_the_raters_own_grades(
    context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    labelling.window(bob_rates, 10)
    answer_all(bob_rates, [grade(one.token, unsure=True) for one in dealt])
    page = open_page(context, bob_rates.study)
    expect(page.locator("#finished")).to_be_visible()
    assert faults(page) == []
    page.goto(f"/studies/{bob_rates.study_id}/label/mine/")
    page.locator(".mine-tile").first.wait_for()
    assert faults(page) == []
    page.locator(".mine-tile").first.click()
    page.locator("#viewer:visible .stage[data-painted=true]").wait_for()
    assert faults(page) == []
