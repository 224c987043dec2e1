"""The labelling page in a browser, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Dialog, Locator, Page, expect
from playwright.sync_api import Error as BrowserError
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.models import Assignment, Study
from labeler.tests.factories import signed_in

DESKTOP = {"width": 1280, "height": 800}
PATIENCE_MS = 30_000
ANSWERS = "**/label/answers"


def context_of(chromium: Browser, live_server: LiveServer, user: User, **options: object) -> BrowserContext:
    """A browser in which `user` is signed in."""
    context = chromium.new_context(base_url=live_server.url, **{"viewport": DESKTOP, **options})  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    session = signed_in(user).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    return context


def open_page(context: BrowserContext, study: Study) -> Page:
    """The labelling page with its first image painted."""
    page = context.new_page()
    page.goto(f"/studies/{study.pk}/label/")
    page.locator(".stage[data-painted=true], #finished:visible").wait_for()
    return page


def press(page: Page, *keys: str) -> None:
    """Each key once its image is painted."""
    for key in keys:
        page.locator(".stage[data-painted=true]").wait_for()
        page.keyboard.press(key)


def eventually(page: Page, read: Callable[[], object], wanted: object) -> None:
    """Read until it is what is wanted: a page, and the server behind it, take their time on a busy machine."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until:
        try:
            if read() == wanted:
                return
        except BrowserError:
            # The page that was asked made way for the next one.
            pass
        # Not asleep: what the browser tells is taken in meanwhile.
        page.wait_for_timeout(50)
    assert read() == wanted


def saved(page: Page) -> None:
    expect(page.locator("#saving-text")).to_have_text("Saved")


def images_ahead(page: Page, count: int = 5) -> None:
    """Wait until the image on the screen and those after it, so many in all, are in memory."""
    page.wait_for_function(
        """count => {
            const pictures = [...document.querySelectorAll('.picture')];
            const next = pictures.slice(pictures.findIndex((one) => one.matches('.shown'))).slice(0, count);
            return next.length === count && next.every((one) => one.naturalWidth);
        }""",
        arg=count,
    )


def without_waits(page: Page) -> None:
    """From now on the page does nothing after a wait, however short: what it does, it does at once."""
    page.evaluate("window.setTimeout = () => 0")


def clicks(page: Page, target: Locator, *, times: int = 1, at: float = 0, count_from: int = 1) -> None:
    """Clicks in the middle of it, a tenth of a second apart; on a busy machine a double click is a slow one otherwise.

    The first is `at` so many seconds from now, and counts for the browser as the `count_from`th of a row.
    """
    box = target.bounding_box()
    assert box is not None
    click_at(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, times=times, at=at, count_from=count_from)


def click_at(page: Page, x: float, y: float, *, times: int = 1, at: float = 0, count_from: int = 1) -> None:
    mouse = page.context.new_cdp_session(page)
    begun = time.time() + at
    for number in range(times):
        for kind in ("mousePressed", "mouseReleased"):
            told = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": count_from + number}
            mouse.send("Input.dispatchMouseEvent", {**told, "timestamp": begun + number / 10})
    mouse.detach()


def answers(dealt: list[Assignment]) -> list[list[object]]:
    """Every version of every image's answer for the whole face, in the order dealt: the level's value, or the flag."""
    return [
        [
            label.level.value if label.level else label.flag
            for label in one.labels.filter(region="face").order_by("version")
        ]
        for one in Assignment.objects.filter(pk__in=[item.pk for item in dealt]).order_by("sort_key")
    ]


def address(item: Assignment) -> str:
    return f"/studies/{item.membership.study_id}/label/i/{item.token}.jpg"


def cut(context: BrowserContext | Page) -> None:
    """From now on no answer reaches the server; all else does."""
    context.route(ANSWERS, lambda route: route.abort())


def mend(context: BrowserContext | Page) -> None:
    context.unroute(ANSWERS)


def waits(page: Page, count: int) -> None:
    expect(page.locator("#saving-text")).to_have_text(f"Not connected · {count} waiting")


def kept(page: Page, count: int) -> None:
    """Wait until the browser keeps so many answers on the machine, which a busy disk takes its time for."""
    page.wait_for_function(
        """count => new Promise((resolve) => {
            const opening = indexedDB.open("goldfold");
            opening.onsuccess = () => {
                const asking = opening.result.transaction("answers").objectStore("answers").count();
                asking.onsuccess = () => { opening.result.close(); resolve(asking.result >= count); };
            };
        })""",
        arg=count,
    )


def sign_in(context: BrowserContext, live_server: LiveServer, user: User) -> None:
    session = signed_in(user).cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])


def leaves(page: Page) -> list[str]:
    """Close the page as a rater does; what it asked before."""
    asked: list[str] = []

    def go(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", go)
    with page.expect_event("close"):
        page.close(run_before_unload=True)
    return asked


def leaves_not(page: Page) -> list[str]:
    """The page is asked to close, and stays; the kinds of what it asked before."""
    asked = dismissed(page)
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    eventually(page, lambda: len(asked), 1)
    return [kind for kind, _ in asked]


def dismissed(page: Page) -> list[tuple[str, str]]:
    """Kind and words of each dialog that the browser shows from now on; the rater says no to it."""
    told: list[tuple[str, str]] = []

    def dismiss(dialog: Dialog) -> None:
        told.append((dialog.type, dialog.message))
        dialog.dismiss()

    page.on("dialog", dismiss)
    return told
