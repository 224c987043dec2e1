"""My grades in a browser: the grid, one image enlarged, a few side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Generator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler import answering
from labeler.looking_back import PartGiven
from labeler.models import Assignment, Membership, Region, Study
from labeler.tests.factories import grade, start
from labeler.tests.label_browser import ANSWERS, context_of, cut, eventually, kept, mend, saved, without_waits
from labeler.tests.test_mine import answer_all

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def answered(bob_rates: Membership) -> list[Assignment]:
    """Two clear, one almost clear and unsure, two severe, one too dark."""
    start(bob_rates, 6)
    return answer_all(bob_rates, [1, 5, 2.5, 5, "dark", 1])


@pytest.fixture
def context(
    chromium: Browser, live_server: LiveServer, bob: User, answered: list[Assignment]
) -> Generator[BrowserContext, None, None]:
    with context_of(chromium, live_server, bob) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, study: Study) -> Page:
    return opened(context, study)


def opened(context: BrowserContext, study: Study, query: str = "") -> Page:
    page = context.new_page()
    page.goto(f"/studies/{study.pk}/label/mine/{query}")
    page.locator(".mine-tile").first.wait_for()
    return page


def groups(page: Page) -> dict[str, list[str]]:
    """The numbers that stand in each group that is there."""
    found: dict[str, list[str]] = page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.mine-group:not([hidden])')].map((group) =>
            [group.querySelector('h2').innerText.replace(/\\s+/g, ' ').trim(),
             [...group.querySelectorAll('.mine-number')].map((one) => one.textContent)]))"""
    )
    return found


def group(page: Page, name: str) -> list[str] | None:
    """The numbers in the group of that name and count; None where there is no such group."""
    return groups(page).get(name)


def enlarge(page: Page, number: int) -> None:
    page.locator(".mine-item", has=page.get_by_text(str(number), exact=True)).locator(".mine-tile").click()
    painted(page)


def painted(page: Page) -> None:
    page.locator("#stage[data-painted=true]").wait_for()


def close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).to_be_hidden()


def versions(item: Assignment) -> list[float | str]:
    return [
        label.level.value if label.level else label.flag
        for label in item.labels.select_related("level").order_by("version")
    ]


def test_a_new_grade_is_a_new_version_moves_the_image_and_can_be_undone(page: Page, answered: list[Assignment]) -> None:
    eventually(
        page,
        lambda: groups(page),
        {"Clear 2": ["6", "1"], "Almost clear 1": ["3"], "Severe 2": ["4", "2"], "Not gradable 1": ["5"]},
    )
    # What is offered goes after a while, which may be too short for a busy machine.
    without_waits(page)
    enlarge(page, 2)
    expect(page.locator("#viewer-title")).to_have_text("Severe · 2 of 2")
    page.keyboard.press("4")
    expect(page.locator("#notice-text")).to_have_text("Image 2 is now: Moderate.")
    expect(page.locator(".level[aria-pressed=true] .level-name")).to_have_text("Moderate")
    close(page)
    eventually(page, lambda: (group(page, "Moderate 1"), group(page, "Severe 1")), (["2"], ["4"]))
    expect(page.locator('[data-kind="5"]')).to_have_text("1")
    expect(page.locator(".mine-tile:focus")).to_have_accessible_name("image 2: Moderate changed 1×")
    saved(page)
    assert versions(answered[1]) == [5, 4]
    page.get_by_role("button", name="Undo").click()
    eventually(page, lambda: (group(page, "Severe 2"), group(page, "Moderate 1")), (["4", "2"], None))
    saved(page)
    assert versions(answered[1]) == [5, 4, 5]
    assert not answered[1].labels.filter(stale=True).exists()


def test_arrows_lead_through_the_grid_and_through_the_enlarged_group(page: Page) -> None:
    page.locator(".mine-tile").first.focus()
    for key, number in (("ArrowRight", 1), ("ArrowDown", 3), ("ArrowDown", 4), ("ArrowUp", 3), ("End", 5), ("Home", 6)):
        page.keyboard.press(key)
        expect(page.locator(".mine-item:focus-within .mine-number")).to_have_text(str(number))
    page.keyboard.press("Enter")
    painted(page)
    expect(page.locator("#viewer-title")).to_have_text("Clear · 1 of 2")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-said")).to_have_text("image 1: Clear")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-said")).to_have_text("image 1: Clear")
    close(page)
    expect(page.locator(".mine-item:focus-within .mine-number")).to_have_text("1")


def test_the_browsers_way_back_leads_to_the_grid(page: Page) -> None:
    enlarge(page, 3)
    page.go_back()
    expect(page.locator("#viewer")).to_be_hidden()
    expect(page).to_have_url(re.compile("/mine/$"))


def test_unsure_and_not_gradable_are_changed_by_their_keys(page: Page, answered: list[Assignment]) -> None:
    enlarge(page, 3)
    page.keyboard.press("u")
    expect(page.locator("#unsure")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("f")
    page.get_by_role("radio", name="Too blurred").check()
    page.keyboard.press("Enter")
    expect(page.locator("#viewer-said")).to_have_text("image 3: not gradable, too blurred")
    close(page)
    eventually(page, lambda: group(page, "Not gradable 2"), ["5", "3"])
    expect(page.locator('[data-kind="unsure"]')).to_have_text("0")
    saved(page)
    assert versions(answered[2]) == [2, 2, "blur"]
    assert list(answered[2].labels.order_by("version").values_list("unsure", flat=True)) == [True, False, False]


def test_what_is_changed_offline_survives_a_reload_and_is_delivered(
    page: Page, context: BrowserContext, answered: list[Assignment]
) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    cut(context)
    enlarge(page, 1)
    page.keyboard.press("5")
    expect(page.locator("#saving")).to_have_attribute("data-state", "offline")
    # The machine has it before the page is left.
    kept(page, 1)
    page.reload()
    page.locator(".mine-tile").first.wait_for()
    expect(page.locator(".mine-group", has_text="Severe").locator(".mine-number")).to_have_text(["4", "2", "1"])
    assert versions(answered[0]) == [1]
    mend(context)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    saved(page)
    assert versions(answered[0]) == [1, 5]
    eventually(page, lambda: group(page, "Severe 3"), ["4", "2", "1"])


def test_an_answer_that_another_window_had_changed_is_told(
    page: Page, answered: list[Assignment], bob_rates: Membership
) -> None:
    answering.answer(bob_rates, grade(answered[1].token, 3, base_version=1))
    without_waits(page)
    enlarge(page, 2)
    page.keyboard.press("4")
    expect(page.locator("#notice-text")).to_have_text("You had graded this image before: Mild. Now: Moderate.")
    close(page)
    tile = page.locator(".mine-item", has=page.get_by_text("2", exact=True))
    expect(tile.locator(".mine-mark")).to_have_text(["graded in two windows", "changed 2×"])
    page.get_by_role("button", name="Undo").click()
    eventually(page, lambda: group(page, "Mild 1"), ["2"])
    saved(page)
    assert versions(answered[1]) == [5, 3, 4, 3]


def test_undo_is_offered_for_what_was_changed_here_alone(
    page: Page, context: BrowserContext, study: Study, answered: list[Assignment]
) -> None:
    enlarge(page, 2)
    page.keyboard.press("4")
    saved(page)
    other = opened(context, study)
    enlarge(other, 1)
    other.keyboard.press("5")
    expect(page.locator("#notice-text")).to_contain_text("Image 1 is now")
    expect(page.locator("#undo")).to_be_hidden()


def test_what_the_server_will_not_take_goes_back_and_is_kept_aside(page: Page, context: BrowserContext) -> None:
    def refuse(route: Route) -> None:
        (answer,) = json.loads(route.request.post_data or "")["answers"]
        refusal = {"code": "invalid", "text": "This grade is not on the study’s scale."}
        route.fulfill(
            json={"outcomes": [{"client_key": answer["client_key"], "status": "refused", "refusal": refusal}]}
        )

    context.route(ANSWERS, refuse)
    enlarge(page, 2)
    page.keyboard.press("1")
    expect(page.locator(".label-aside")).to_be_visible()
    close(page)
    eventually(page, lambda: group(page, "Severe 2"), ["4", "2"])


def test_filters_lead_to_pages_of_their_own(page: Page) -> None:
    page.get_by_role("link", name="Unsure").click()
    expect(page.locator(".mine-group:not([hidden]) h2")).to_have_text(["Almost clear 1"])
    page.get_by_role("link", name="Severe").click()
    eventually(page, lambda: groups(page), {"Severe 2": ["4", "2"]})
    page.get_by_role("link", name="Oldest first").click()
    eventually(page, lambda: groups(page), {"Severe 2": ["2", "4"]})
    # One that leaves the grade stays on the page, in a group that counts nothing.
    enlarge(page, 2)
    page.keyboard.press("1")
    close(page)
    eventually(page, lambda: groups(page), {"Clear": ["2"], "Severe 1": ["4"]})


def test_until_all_is_answered_the_page_shows_what_is_open_and_says_why(
    context: BrowserContext, bob_rates: Membership, answered: list[Assignment]
) -> None:
    first = answered[0]
    Assignment.objects.create(
        membership=bob_rates, image=first.image, rendition=first.rendition, repeat=1, sort_key=90_000
    )
    page = opened(context, bob_rates.study, "?show=5")
    eventually(page, lambda: groups(page), {"Almost clear 1": ["3"], "Not gradable 1": ["5"]})
    expect(page.locator(".mine-lede")).to_contain_text("once you have answered all your images")
    expect(page.get_by_role("link", name="Severe")).to_have_count(0)


def test_more_of_a_long_group_is_loaded_when_asked_for_and_while_leafing(
    chromium: Browser, live_server: LiveServer, bob: User, bob_rates: Membership
) -> None:
    image = start(bob_rates, 1)[0].image
    Assignment.objects.bulk_create(
        Assignment(membership=bob_rates, image=image, rendition=image.rendition, repeat=number, sort_key=9_000 + number)
        for number in range(1, 110)
    )
    answer_all(bob_rates, [3] * 110)
    with context_of(chromium, live_server, bob) as context:
        page = opened(context, bob_rates.study)
        expect(page.locator(".mine-item")).to_have_count(48)
        page.get_by_role("button", name="Show more").click()
        expect(page.locator(".mine-item")).to_have_count(96)
        enlarge(page, 16)
        expect(page.locator("#viewer-title")).to_have_text("Mild · 95 of 110")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(page.locator("#viewer-said")).to_have_text("image 13: Mild")
        close(page)
        expect(page.locator(".mine-item")).to_have_count(110)
        eventually(page, lambda: groups(page), {"Mild 110": [str(number) for number in range(110, 0, -1)]})
        expect(page.get_by_role("button", name="Show more")).to_be_hidden()


def test_images_are_compared_side_by_side_and_keys_grade_the_chosen_one(page: Page, answered: list[Assignment]) -> None:
    page.locator(".mine-tile").first.focus()
    page.keyboard.press("c")
    expect(page.locator("#compare")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Compare image 4").click()
    page.locator("#compare").click()
    expect(page.locator(".frame-name")).to_have_text(["image 6: Clear", "image 4: Severe"])
    page.locator(".frame .stage[data-painted=true]").nth(1).wait_for()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".frame-name[aria-pressed=true]")).to_have_text("image 4: Severe")
    page.keyboard.press("+")
    page.keyboard.press("3")
    expect(page.locator(".frame-name")).to_have_text(["image 6: Clear", "image 4: Mild"])
    saved(page)
    assert (versions(answered[3]), versions(answered[5])) == ([5, 3], [1])
    newest = answered[3].labels.order_by("version").last()
    assert newest is not None and newest.viewing["zoom"] == 1.25 and newest.viewing["image_height"] > 100
    close(page)
    for number in (1, 2, 3):
        page.get_by_role("button", name=f"Compare image {number}").click()
    expect(page.locator("#picked-text")).to_have_text("Chosen: 4")
    expect(page.locator("#notice-text")).to_have_text("No more than 4 can be compared at once.")


def test_the_faces_parts_are_changed_in_the_same_panel(
    context: BrowserContext, bob_rates: Membership, answered: list[Assignment]
) -> None:
    bob_rates.study.grade_regions = True
    bob_rates.study.save(update_fields=["grade_regions"])
    parts = dict.fromkeys((one for one in Region if one != Region.FACE), PartGiven(2.0))
    answering.answer(bob_rates, grade(answered[1].token, 5, base_version=1, regions=parts))
    page = opened(context, bob_rates.study)
    enlarge(page, 2)
    expect(page.locator(".part-said")).to_have_text(["Severe", "Almost clear", "Almost clear", "Almost clear"])
    page.get_by_role("button", name="Chin").click()
    page.keyboard.press("3")
    expect(page.locator(".part-said")).to_have_text(["Severe", "Almost clear", "Almost clear", "Mild"])
    saved(page)
    newest = answered[1].labels.filter(version=3).values_list("region", "level__value")
    assert dict(newest) == {"face": 5, "forehead": 2, "cheeks": 2, "chin": 3}


@pytest.mark.parametrize("options", [{}, PHONE, {**PHONE, "color_scheme": "dark"}], ids=["laptop", "phone", "dark"])
def test_nothing_stands_in_the_way_of_anybody(
    chromium: Browser,
    live_server: LiveServer,
    bob: User,
    study: Study,
    answered: list[Assignment],
    options: dict[str, object],
) -> None:
    with context_of(chromium, live_server, bob, **options) as context:
        page = opened(context, study)
        troubles: list[str] = []
        page.on("console", lambda told: troubles.append(told.text))
        assert faults(page) == []
        page.locator(".mine-pick").nth(0).click()
        page.locator(".mine-pick").nth(1).click()
        enlarge(page, 3)
        assert faults(page) == []
        page.locator("#viewer-close").click()
        expect(page.locator("#viewer")).to_be_hidden()
        page.locator("#compare").click()
        page.locator(".frame .stage[data-painted=true]").nth(1).wait_for()
        assert faults(page) == []
        assert troubles == []


def faults(page: Page) -> list[str]:
    """What axe finds grave, fingers' targets that are too small, and a page that is wider than its window."""
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
    grave = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in {"serious", "critical"}]
    small = page.evaluate(
        """() => innerWidth > 500 ? [] : [...document.querySelectorAll('button, .mine-filters a')]
            .filter((one) => one.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }))
            .filter((one) => !one.closest('[inert]'))
            .map((one) => [one.getBoundingClientRect(), one])
            .filter(([{ width, height }]) => width && Math.min(width, height) < 44)
            .map(([, one]) => one.outerHTML.slice(0, 80))"""
    )
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*grave, *small, *(["wider than its window"] if wide else [])]
