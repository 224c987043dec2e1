"""What people do in a browser, a step each."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.product import Product

PASSPHRASE = "a long enough passphrase"
# For what a worker does, on a machine that does much else.
WORK_MS = 300_000


def sign_in(browser: Browser, product: Product, email: str) -> Page:
    context: BrowserContext = browser.new_context(base_url=product.address, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto("/")
    page.set_default_timeout(120_000)
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSPHRASE)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()
    return page


def make_study(page: Page, name: str) -> None:
    page.get_by_role("link", name="New study").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Make the study").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def import_pictures(page: Page, folder: Path, *, table: Path | None = None) -> None:
    page.get_by_role("link", name="Images", exact=True).click()
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("Image files").set_input_files(sorted(folder.glob("*.jpg")))
    if table is not None:
        page.get_by_label("Table (CSV, optional)").set_input_files(table)
    page.get_by_role("button", name="Import", exact=True).first.click()
    expect(page.locator("[data-job-state]")).to_have_text("done", timeout=WORK_MS)


def wait_for_search(page: Page) -> None:
    """Until the search for duplicates and persons, which an import asks for, has looked at every picture."""
    page.get_by_role("link", name="Duplicates and persons").click()
    expect(page.get_by_text("Every image was looked at.")).to_be_visible(timeout=WORK_MS)


def see_figures(page: Page, **figures: int) -> None:
    page.get_by_role("link", name="Overview").click()
    for what, number in figures.items():
        expect(page.locator("dl.figure-row div", has_text=what).first).to_contain_text(str(number))


def begin_labelling(page: Page) -> None:
    page.get_by_role("link", name="Allocation").click()
    page.get_by_role("button", name="Assign and begin labelling").click()
    expect(page.locator("[data-job-state]")).to_have_text("done", timeout=WORK_MS)
    expect(page.get_by_text("labelling", exact=True)).to_be_visible()


def add_raters(page: Page, *emails: str) -> None:
    page.get_by_role("link", name="Raters", exact=True).click()
    for email in emails:
        page.get_by_label("Email").fill(email)
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_text(f"{email} is rater")).to_be_visible()


def label(page: Page, study: str, *, most: int = 10_000) -> str:
    """Past the welcome, grade by keyboard until all is done, or `most` are: few levels in turn. Returns the keys."""
    page.get_by_role("article", name=study).get_by_role("link", name=re.compile("Start grading|Continue")).click()
    page.get_by_role("button", name="Start grading").click()
    pressed = ""
    while len(pressed) < most:
        page.locator("#finished:visible, .stage[data-painted=true]:visible").first.wait_for()
        if page.locator("#finished").is_visible():
            break
        key = "23423"[len(pressed) % 5]
        page.keyboard.press(key)
        pressed += key
    expect(page.locator("#saving-text")).to_have_text("Saved")
    return pressed


def promote(page: Page) -> None:
    """With a reason where the verdict, which twenty pictures can't decide, went against the model."""
    page.wait_for_load_state()
    reason = page.get_by_label("Why use it")
    if reason.is_visible():
        reason.fill("A test of the whole path.")
    page.get_by_role("button", name=re.compile("Promote run")).click()
    expect(page.get_by_text("in use", exact=True)).to_be_visible()


def set_repeats(page: Page, *, percent: int) -> None:
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Shown again, in percent of a queue").fill(str(percent))
    page.get_by_role("button", name="Save the settings").click()
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    expect(page.get_by_label("Shown again, in percent of a queue")).to_have_value(str(percent))


def plan_draw(page: Page, *, size: int) -> None:
    page.get_by_role("link", name="Golden set").click()
    page.get_by_label("How many images").fill(str(size))
    page.get_by_role("button", name="Plan this draw").click()
    expect(page.get_by_text(re.compile(f"{size}.* drawn"))).to_be_visible()


def drop_out(page: Page, code: str, *, reason: str) -> None:
    page.get_by_role("link", name="Raters", exact=True).click()
    page.locator("tbody tr", has_text=code).get_by_role("link", name="Drop out").click()
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=f"{code} drops out").click()
    expect(page.locator("tbody tr", has_text=code)).to_contain_text("dropped out")


def add_late_rater(page: Page, email: str) -> None:
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Show what would happen").click()
    page.get_by_role("button", name="Add this rater").click()
    expect(page.get_by_text(f"{email} is rater")).to_be_visible()


def close(page: Page) -> None:
    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="Close the study").click()
    page.get_by_role("button", name="Close for good").click()
    expect(page.get_by_text("The study is closed")).to_be_visible()
