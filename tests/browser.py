"""A real browser for the tests of pages; without one on the machine they are skipped, and say so."""

from __future__ import annotations

import shutil
from collections.abc import Generator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# What is expected comes soon, but not on a machine that does much else.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def chromium() -> Generator[Browser, None, None]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium on this machine")
    with pytest.MonkeyPatch.context() as patch:
        # Playwright's loop runs in this thread; the tests use the database in it all the same, and nothing is async.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=120_000)
            yield browser
            browser.close()
