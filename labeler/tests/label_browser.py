"""The labelling page in a browser, for tests."""

from __future__ import annotations

from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from labeler.models import Assignment, Study
from labeler.tests.factories import signed_in

DESKTOP = {"width": 1280, "height": 800}
PATIENCE_MS = 10_000
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


def saved(page: Page) -> None:
    expect(page.locator("#saving-text")).to_have_text("Saved")


def images_ahead(page: Page, count: int = 5) -> None:
    """Wait until so many images are in memory."""
    page.wait_for_function(
        "count => [...document.querySelectorAll('.picture')].filter((one) => one.naturalWidth).length >= count",
        arg=count,
    )


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


def dismissed(page: Page) -> list[tuple[str, str]]:
    """Kind and words of each dialog that the browser shows from now on; the rater says no to it."""
    told: list[tuple[str, str]] = []

    def dismiss(dialog: Dialog) -> None:
        told.append((dialog.type, dialog.message))
        dialog.dismiss()

    page.on("dialog", dismiss)
    return told
