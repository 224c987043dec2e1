"""How a rater looks at an image: zoom, pan, light, the scale beside it; and that the study is told."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.examples import keep_example
from labeler.models import Assignment, Membership
from labeler.tests.drawn import jpeg
from labeler.tests.factories import start
from labeler.tests.label_browser import address, click_at, context_of, eventually, images_ahead, open_page, press, saved

pytestmark = pytest.mark.django_db(transaction=True)

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# The picture's zoom and place, and by how much it leaves a gap at one side of its place while it is larger than that.
LOOK = """() => {
  const picture = document.querySelector(".picture.shown");
  const stage = document.querySelector("#stage").getBoundingClientRect();
  const {a: zoom, e: x, f: y} = new DOMMatrix(picture.style.transform);
  const {clientWidth, clientHeight, naturalWidth, naturalHeight} = picture;
  const scale = zoom * Math.min(clientWidth / naturalWidth, clientHeight / naturalHeight);
  const room = (natural, place) => Math.max((natural * scale - place) / 2, 0);
  return {
    zoom, x, y, filter: picture.style.filter,
    beyond: Math.max(Math.abs(x) - room(naturalWidth, clientWidth), Math.abs(y) - room(naturalHeight, clientHeight)),
    middle: {x: stage.left + picture.offsetLeft + clientWidth / 2,
             y: stage.top + picture.offsetTop + clientHeight / 2},
  };
}"""


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


@pytest.fixture
def phone(
    chromium: Browser, live_server: LiveServer, bob: User, bob_rates: Membership, dealt: list[Assignment]
) -> Generator[Page, None, None]:
    with context_of(chromium, live_server, bob, **PHONE) as made:
        yield open_page(made, bob_rates.study)


def look(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(LOOK)
    return found


def viewing(page: Page, item: Assignment) -> dict[str, float]:
    """What was stored with the grade of that image."""
    saved(page)
    stored: dict[str, float] = item.labels.get().viewing
    return stored


def wheel(page: Page, step: int, until: str) -> None:
    """Turn it until that is true of the zoom."""
    zoom = look(page)["zoom"]
    for _ in range(30):
        page.mouse.wheel(0, step)
        page.wait_for_function(f"before => ({LOOK})().zoom !== before", arg=zoom)
        zoom = look(page)["zoom"]
        if page.evaluate(f"(zoom) => {until}", zoom):
            return
    raise AssertionError(f"never: {until}")


def choose(page: Page, *names: str) -> None:
    """Turn settings over."""
    page.keyboard.press("k")
    for name in names:
        page.get_by_role("checkbox", name=name).click()
    page.keyboard.press("Escape")


def test_the_wheel_zooms_about_the_pointer_and_dragging_stops_at_the_edges(page: Page) -> None:
    middle = look(page)["middle"]
    page.mouse.move(middle["x"] + 60, middle["y"] - 90)
    wheel(page, -120, "zoom > 1.8")
    before = look(page)
    wheel(page, -120, "zoom > 3")
    near = look(page)
    # What lies under the pointer, as it lay from the picture's middle before any zoom, is the same.
    for along, pointer in (("x", 60), ("y", -90)):
        spots = [(pointer - at[along]) / at["zoom"] for at in (before, near)]
        assert spots[0] == pytest.approx(spots[1], abs=0.5)
    page.mouse.down()
    page.mouse.move(middle["x"] + 2000, middle["y"] + 2000, steps=3)
    page.mouse.up()
    far = look(page)
    assert far["x"] > near["x"] and far["y"] > near["y"] and far["beyond"] <= 0.5
    page.mouse.move(middle["x"], middle["y"])
    wheel(page, 120, "zoom === 1")
    expect(page.locator("#zoom-percent")).to_have_text("100 %")


def test_a_double_click_shows_a_spot_and_another_one_the_whole(page: Page) -> None:
    middle = look(page)["middle"]
    click_at(page, middle["x"] - 50, middle["y"] + 40, times=2)
    eventually(page, lambda: look(page)["zoom"], 2.5)
    near = look(page)
    assert (near["x"], near["y"]) == (pytest.approx(75, abs=2), pytest.approx(-60, abs=2))
    click_at(page, middle["x"], middle["y"], times=2, at=0.5)
    eventually(page, lambda: look(page)["zoom"], 1)


def test_keys_zoom_and_move_the_picture_but_not_beyond_its_edges(page: Page) -> None:
    press(page, "+", "+", "+", "+", "Shift+ArrowUp")
    moved = look(page)
    assert moved["zoom"] == pytest.approx(1.25**4, rel=1e-3) and moved["y"] > 0
    press(page, *["Shift+ArrowUp"] * 20)
    assert look(page)["y"] > moved["y"] and look(page)["beyond"] <= 0.5
    press(page, "-")
    assert look(page)["beyond"] <= 0.5
    press(page, *["+"] * 20)
    assert look(page)["zoom"] == 8
    press(page, "0")
    assert look(page)["zoom"] == 1
    expect(page.locator("#progress-text")).to_have_text("1 of 4")


def test_how_an_image_was_seen_is_stored_with_its_grade(page: Page, dealt: list[Assignment]) -> None:
    press(page, "+", "+", "0", "b", "b", "Shift+V", "3")
    press(page, "3")
    first, second = viewing(page, dealt[0]), viewing(page, dealt[1])
    # The largest zoom of the one image; the light of both.
    assert (first["zoom"], second["zoom"]) == (1.56, 1)
    assert (first["brightness"], first["contrast"]) == (second["brightness"], second["contrast"]) == (120, 90)
    assert (first["screen_width"], first["screen_height"]) == tuple(page.evaluate("[screen.width, screen.height]"))


def test_the_zoom_ends_with_the_image_unless_the_rater_wants_it_to_stay(page: Page, dealt: list[Assignment]) -> None:
    images_ahead(page, 4)
    press(page, "+", "3")
    assert look(page)["zoom"] == 1
    choose(page, "The zoom stays for the next image")
    press(page, "+", "+", "+", "Shift+ArrowDown")
    before = look(page)
    assert before["y"] < 0
    press(page, "3")
    eventually(page, lambda: look(page), before)
    press(page, "3")
    assert viewing(page, dealt[2])["zoom"] == round(1.25**3, 2)


def test_the_zoom_stays_in_its_place_for_an_image_that_comes_late(
    context: BrowserContext, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    held: list[Route] = []
    context.route(f"**{address(dealt[1])}*", lambda route: held.append(route))
    page = open_page(context, bob_rates.study)
    choose(page, "The zoom stays for the next image")
    press(page, "+", "+", "+", "Shift+ArrowDown")
    before = look(page)
    assert before["y"] < 0
    press(page, "3")
    expect(page.locator("#progress-text")).to_have_text("2 of 4")
    for route in held:
        route.continue_()
    page.locator(".stage[data-painted=true]").wait_for()
    eventually(page, lambda: look(page), before)


def test_light_stays_for_the_next_image_and_ends_with_the_page_unless_it_is_to_stay(page: Page) -> None:
    press(page, "b", "3")
    assert look(page)["filter"] == "brightness(110%) contrast(100%)"
    expect(page.locator("#light-open")).to_have_accessible_description("Brightness 110 %, contrast 100 %")
    page.reload()
    press(page, "Shift+B", "v")
    assert look(page)["filter"] == "brightness(90%) contrast(110%)"
    choose(page, "Brightness and contrast stay")
    page.reload()
    page.locator(".stage[data-painted=true]").wait_for()
    assert look(page)["filter"] == "brightness(90%) contrast(110%)"
    press(page, "n")
    assert look(page)["filter"] == ""


def test_a_slider_takes_the_arrows_and_leaves_the_grades_their_keys(page: Page) -> None:
    page.keyboard.press("l")
    slider = page.get_by_role("slider", name="Brightness")
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#light-brightness")).to_have_text("110 %")
    expect(page.locator("#progress-text")).to_have_text("1 of 4")
    page.keyboard.press("3")
    expect(page.locator("#progress-text")).to_have_text("2 of 4")
    expect(slider).to_be_focused()
    page.keyboard.press("Escape")
    expect(slider).to_be_hidden()


def test_two_fingers_zoom_one_moves_and_two_taps_fit(phone: Page, dealt: list[Assignment]) -> None:
    middle = look(phone)["middle"]
    touch = phone.context.new_cdp_session(phone)

    def fingers(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": middle["x"] + x, "y": middle["y"] + y, "id": number} for number, (x, y) in enumerate(places)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", (-40, 0))
    fingers("touchStart", (-40, 0), (40, 0))
    for apart in (60, 80, 100, 120):
        fingers("touchMove", (-apart, 0), (apart, 0))
    fingers("touchEnd")
    eventually(phone, lambda: look(phone)["zoom"], pytest.approx(3, rel=0.02))
    assert look(phone)["x"] == pytest.approx(0, abs=2)
    fingers("touchStart", (-120, 0))
    for x in (-100, -70):
        fingers("touchMove", (x, 0))
    fingers("touchEnd")
    eventually(phone, lambda: look(phone)["x"], pytest.approx(50, abs=2))
    # By key: the browser may take a tap right after a moving finger for a part of that movement.
    press(phone, "3")
    expect(phone.locator("#progress-text")).to_have_text("2 of 4")
    assert viewing(phone, dealt[0])["zoom"] == pytest.approx(3, rel=0.02)
    assert look(phone)["zoom"] == 1
    # At times of their own: on a busy machine the second tap would come too late for the first.
    begun = time.time()
    for tap in (begun, begun + 0.1):
        for kind, points in (("touchStart", [{"x": middle["x"], "y": middle["y"]}]), ("touchEnd", [])):
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points, "timestamp": tap})
    eventually(phone, lambda: look(phone)["zoom"], 2.5)
    phone.get_by_role("button", name="Fit the image").tap()
    eventually(phone, lambda: look(phone)["zoom"], 1)
    expect(phone.get_by_role("button", name="Fit the image")).to_be_hidden()


def test_who_wants_less_motion_gets_none(page: Page) -> None:
    glides = "getComputedStyle(document.querySelector('.picture.shown')).transitionDuration"
    press(page, "+")
    assert page.evaluate(glides) == "0.14s"
    page.emulate_media(reduced_motion="reduce")
    eventually(page, lambda: page.evaluate(glides), "0s")
    page.keyboard.press("r")
    expect(page.locator("#reference")).to_be_visible()
    assert page.evaluate("document.querySelector('.picture.shown').getAnimations().length") == 0


def test_the_scale_lies_beside_the_image_and_keys_still_grade(page: Page, bob_rates: Membership) -> None:
    level = bob_rates.study.levels.get(value=2)
    level.example = keep_example(bob_rates.study, jpeg(900))
    level.save()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    page.locator(".stage[data-painted=true]").wait_for()
    assert not [url for url in asked if "example" in url or "reference" in url]
    button = page.get_by_role("button", name="Severe", exact=True)
    before = button.bounding_box()
    page.keyboard.press("r")
    expect(page.get_by_role("img", name="Example: Almost clear")).to_be_visible()
    page.wait_for_function("document.querySelector('.reference img').naturalWidth > 0")
    assert button.bounding_box() == before
    press(page, "2")
    expect(page.locator("#progress-text")).to_have_text("2 of 4")
    page.reload()
    expect(page.locator("#reference")).to_be_visible()
    press(page, "r")
    expect(page.locator("#reference")).to_be_hidden()


def test_the_image_glides_to_its_new_place_when_the_scale_opens(page: Page) -> None:
    page.evaluate(
        """() => { const glide = Element.prototype.animate;
        window.first = [];
        Element.prototype.animate = function (frames, options) {
          const made = glide.call(this, frames, options);
          const {left, width} = this.getBoundingClientRect();
          window.first.push(left + width / 2);
          return made;
        }; }"""
    )
    before = look(page)["middle"]["x"]
    page.keyboard.press("r")
    expect(page.locator("#reference")).to_be_visible()
    (began,) = page.evaluate("window.first")
    assert began == pytest.approx(before, abs=1)
    eventually(page, lambda: look(page)["middle"]["x"] < before - 50, True)


def test_on_a_phone_the_scale_leaves_the_grades_within_reach(phone: Page) -> None:
    expect(phone.get_by_role("button", name="Zoom in")).to_be_hidden()
    for button in phone.locator(".look-button:visible").all():
        box = button.bounding_box()
        assert box is not None and box["width"] >= 44 and box["height"] >= 44
    phone.get_by_role("button", name="The scale beside the image").tap()
    expect(phone.locator("#reference")).to_be_visible()
    phone.get_by_role("button", name="Mild", exact=True).tap()
    expect(phone.locator("#progress-text")).to_have_text("2 of 4")
    phone.reload()
    phone.locator(".stage[data-painted=true]").wait_for()
    expect(phone.locator("#reference")).to_be_hidden()


def test_full_screen_takes_the_grades_along_and_is_not_offered_where_there_is_none(
    page: Page, context: BrowserContext, bob_rates: Membership
) -> None:
    button = page.get_by_role("button", name="Full screen")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    press(page, "4")
    expect(page.locator("#progress-text")).to_have_text("2 of 4")
    press(page, "s")
    expect(button).to_have_attribute("aria-pressed", "false")
    context.add_init_script("Object.defineProperty(Document.prototype, 'fullscreenEnabled', {get: () => false})")
    without = open_page(context, bob_rates.study)
    expect(without.get_by_role("button", name="Full screen")).to_be_hidden()
