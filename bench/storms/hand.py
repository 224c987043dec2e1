"""The rater's hand and eye: tabs of a real browser, the keys pressed in them, and what they show."""

from __future__ import annotations

import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, Playwright
from playwright.sync_api import Error as BrowserError

from bench.storms.facts import Confirmed, Given, Said
from bench.storms.person import EMAIL, PASSWORD

RECORDER = Path(__file__).with_name("recorder.js").read_text()
# A tab's window is this wide plus its number: a grade tells the width of its window, and so whose it is.
WIDTH, HEIGHT = 1000, 700
PATIENCE_MS = 4_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a tab shows at a moment."""

    now: float
    token: str | None
    painted: bool
    view: str | None
    reviewing: bool
    state: str | None
    dialog: bool
    # The key of the grade that it has, while looking back.
    chosen: str | None

    @property
    def ready(self) -> bool:
        """Whether there is an image, seen, that waits for a grade."""
        return self.view == "grading" and self.painted and self.token is not None and not self.dialog

    @property
    def over(self) -> bool:
        return self.view == "finished" and self.state == "saved"


def chromium(playwright: Playwright) -> Browser:
    """Raises RuntimeError where there is none."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        raise RuntimeError("no Chromium on this machine")
    return playwright.chromium.launch(executable_path=program, args=FLAGS)


@dataclass(slots=True)
class Notes:
    """What the recorders of all tabs told."""

    given: list[Given] = field(default_factory=list)
    # By tab and beginning: what still stands grows longer at each look.
    said: dict[tuple[int, float], Said] = field(default_factory=dict)
    confirmed: list[Confirmed] = field(default_factory=list)
    loads: list[tuple[int, float]] = field(default_factory=list)
    ends: dict[int, float] = field(default_factory=dict)

    def confirm(self, told: dict[str, Any]) -> None:
        self.confirmed += [Confirmed(told["at"], told["width"] - WIDTH, key) for key in told["keys"]]


def context(browser: Browser, address: str, notes: Notes) -> BrowserContext:
    """A rater's browser, with the recorder in every tab."""
    made = browser.new_context(base_url=address)
    made.expose_binding("__confirmed", lambda _, told: notes.confirm(told))
    made.add_init_script(RECORDER)
    return made


class Tab:
    """One tab with the labelling page, from its opening to its end."""

    def __init__(self, context: BrowserContext, number: int, notes: Notes, page_path: str) -> None:
        self.number = number
        self._notes = notes
        self._path = page_path
        self._last: dict[str, Any] | None = None
        # What was there at the last look.
        self.seen: Look | None = None
        self._page = context.new_page()
        self._page.set_default_timeout(PATIENCE_MS)
        self._page.set_viewport_size({"width": WIDTH + number, "height": HEIGHT})

    def arrive(self) -> bool:
        """Try once to come to the labelling page, by the sign-in if it asks for that; whether it came."""
        try:
            answer = self._page.goto(self._path, wait_until="domcontentloaded")
            if self._page.locator("input[name=login]").count():
                sign_in(self._page)
                answer = self._page.goto(self._path, wait_until="domcontentloaded")
            return answer is not None and answer.ok and self._page.locator("#grader").count() > 0
        except BrowserError:
            return False

    def look(self) -> Look | None:
        """What is there; None when it is not the labelling page."""
        self.seen = self._look()
        return self.seen

    def _look(self) -> Look | None:
        try:
            found = self._page.evaluate("window.__storm?.() ?? null")
        except BrowserError:
            return None
        if found is None:
            return None
        for fact in found.pop("facts"):
            self._note(fact)
        self._extend(found["now"])
        if found["view"] is None:
            return None
        return Look(
            now=found["now"],
            token=found["token"],
            painted=found["painted"],
            view=found["view"],
            reviewing=found["reviewing"],
            state=found["state"],
            dialog=found["dialog"],
            chosen=found["chosen"],
        )

    def press(self, key: str) -> None:
        self._page.keyboard.press(key)

    def reload(self) -> None:
        """As the rater does: it may end at the browser's error page."""
        self.look()
        self._last = None
        with suppress(BrowserError):
            self._page.reload(wait_until="domcontentloaded")

    def close(self) -> None:
        self.look()
        self._end()
        self._page.close()

    def crash(self) -> None:
        """End the tab's process in the middle of what it does; closing what is left of it tells the page nothing."""
        self.look()
        self._end()
        # An address at which Chromium ends the process that shows the tab, without a word to the page.
        with suppress(BrowserError):
            self._page.goto("chrome://crash")
        self._page.close()

    # --- What the recorder told -------------------------------------------------------------------------------------

    def _note(self, fact: dict[str, Any]) -> None:
        at = float(fact["at"])
        match fact["kind"]:
            case "given":
                self._notes.given.append(Given(at, fact["taken"], self.number, fact["token"], fact["level"]))
            case "said":
                self._extend(at)
                self._last = fact
            case "load":
                self._notes.loads.append((self.number, at))
                self._last = None

    def _extend(self, until: float) -> None:
        """What was said last still stood until now."""
        if self._last is None:
            return
        since = float(self._last["at"])
        numbers = re.findall(r"\d+", self._last["text"])
        waiting = int(numbers[-1]) if numbers else None
        self._notes.said[self.number, since] = Said(self.number, since, until, self._last["state"], waiting)

    def _end(self) -> None:
        self._last = None
        self._notes.ends[self.number] = time.time()


def sign_in(page: Page) -> bool:
    """Fill the form that is there; whether that led in. Raises the browser's error when nothing answers."""
    page.locator("input[name=login]").fill(EMAIL)
    page.locator("input[name=password]").fill(PASSWORD)
    with page.expect_navigation(wait_until="domcontentloaded") as told:
        page.locator("input[name=password]").press("Enter")
    return told.value is not None and told.value.ok and not page.locator("input[name=login]").count()
