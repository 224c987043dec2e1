"""The labelling page in Chromium: how soon the first image is there, and how soon the next one after a key.

Times are the browser's, taken by a script of the bench's own (`watch.js`): from the key's event to the frame after the
one that shows another image. Whether the screen really shows it then is checked against frames recorded of it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from bench.storms.hand import chromium

WINDOW = {"width": 1366, "height": 768}
WATCH = Path(__file__).with_name("watch.js")
# A server far away.
FAR = {"offline": False, "latency": 200, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
STEADY, BURST = 0.6, 0.15  # seconds between keys
PATIENCE_MS = 20_000
# Colours of the middle of two pictures that can be told apart in a recorded frame: summed over red, green and blue.
APART = 24.0


@dataclass(frozen=True, slots=True)
class Load:
    """The page from nothing to its first image: milliseconds; addresses and bytes besides images."""

    first_image: float
    requests: tuple[str, ...]
    bytes: int


@dataclass(frozen=True, slots=True)
class Keys:
    """Milliseconds from each key to the next image painted; keys after which there was none."""

    milliseconds: np.ndarray
    lost: int


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = chromium(playwright)
        try:
            yield found
        finally:
            found.close()


class Visit:
    """One rater's page in a browser that has never been there."""

    def __init__(self, browser: Browser, port: int, rater: dict[str, Any]) -> None:
        site = f"http://127.0.0.1:{port}"
        self._context = browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]
        self._context.set_default_timeout(PATIENCE_MS)
        self._context.add_cookies([{"name": "sessionid", "value": rater["session"], "url": site}])
        self._context.add_init_script(path=WATCH)
        self.page: Page = self._context.new_page()
        self.wire: CDPSession = self._context.new_cdp_session(self.page)
        self.wire.send("Network.enable")
        self._address = f"{site}/studies/{rater['study']}/label/"
        # By number: addresses of all that is no image, and bytes.
        self._sent: dict[str, str] = {}
        self._bytes: dict[str, float] = {}
        self.wire.on("Network.responseReceived", self._note)
        self.wire.on(
            "Network.loadingFinished", lambda told: self._bytes.update({told["requestId"]: told["encodedDataLength"]})
        )

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def go_far(self) -> None:
        self.wire.send("Network.emulateNetworkConditions", FAR)

    def open(self) -> Load:
        """Open the page and wait for its first image, and for whatever it loads besides."""
        self.page.goto(self._address)
        # Not by Playwright's own waiting, which the page's Content-Security-Policy forbids.
        until = time.monotonic() + PATIENCE_MS / 1000
        while not self.page.evaluate("window.bench.shown.length") and time.monotonic() < until:
            self.page.wait_for_timeout(20)
        first = self.page.evaluate("window.bench.shown[0].at")
        self.page.wait_for_load_state("networkidle")
        total = sum(self._bytes.get(number, 0) for number in self._sent)
        return Load(first, tuple(self._sent.values()), int(total))

    def _note(self, told: dict[str, Any]) -> None:
        if not told["response"]["mimeType"].startswith("image/"):
            self._sent[told["requestId"]] = told["response"]["url"].split("/", 3)[3]

    def press(self, count: int, every: float, keys: str = "12345") -> None:
        """Press that many keys, so many seconds apart."""
        began = time.perf_counter()
        for number in range(count):
            time.sleep(max(0.0, began + number * every - time.perf_counter()))
            self.page.keyboard.press(keys[number % len(keys)])

    def timed(self, count: int, every: float) -> Keys:
        """From each of that many keys to the image after it."""
        begun, before = self.page.evaluate("[window.bench.keys.length, window.bench.shown.length]")
        self.press(count, every)
        self.page.wait_for_timeout(2000)
        noted = json.loads(self.page.evaluate("JSON.stringify(window.bench)"))
        pressed, shown = noted["keys"][begun:], [one["at"] for one in noted["shown"][before:]]
        # The n-th image after the n-th key; one that came before its key belongs to none.
        taken = [after - key for key, after in zip(pressed, shown, strict=False)]
        return Keys(np.array([one for one in taken if one >= 0]), count - sum(one >= 0 for one in taken))


def recorded(visit: Visit, count: int, colours: dict[str, np.ndarray]) -> list[float]:
    """By how many milliseconds the screen showed each image later than the page's own clock had it.

    `colours` are of the middle of each picture, by its token. Only images that differ enough from those before them can
    be told apart.
    """
    frames: list[tuple[float, bytes]] = []

    def keep(told: dict[str, Any]) -> None:
        frames.append((told["metadata"]["timestamp"], base64.b64decode(told["data"])))
        visit.wire.send("Page.screencastFrameAck", {"sessionId": told["sessionId"]})

    visit.wire.on("Page.screencastFrame", keep)
    before = visit.page.evaluate("window.bench.shown.length")
    visit.wire.send("Page.startScreencast", {"format": "jpeg", "quality": 60, "maxWidth": 683, "maxHeight": 384})
    visit.press(count, STEADY)
    visit.page.wait_for_timeout(1500)
    visit.wire.send("Page.stopScreencast")
    noted = json.loads(visit.page.evaluate("JSON.stringify(window.bench)"))
    middle = _middle(visit.page)
    told = [(at, _patch(data, middle)) for at, data in frames]
    late = []
    for one, last in zip(noted["shown"][before:], noted["shown"][before - 1 :], strict=False):
        now, then = (colours[_token(each["address"])] for each in (one, last))
        if np.abs(now - then).sum() < APART:
            continue
        at = (noted["origin"] + one["at"]) / 1000
        showing = [
            moment
            for moment, colour in told
            if moment > at - 0.5 and np.abs(colour - now).sum() < np.abs(colour - then).sum()
        ]
        late.append(1000 * (min(showing) - at) if showing else float("inf"))
    return late


def colour(picture: bytes) -> np.ndarray:
    """The mean colour of the middle of a picture, as `recorded` compares it."""
    return _patch(picture, (0.5, 0.5))


def _middle(page: Page) -> tuple[float, float]:
    """Where the middle of the image is, as shares of the window."""
    script = """() => {
        const {x, y, width, height} = window.bench.seen().getBoundingClientRect();
        return [(x + width / 2) / window.innerWidth, (y + height / 2) / window.innerHeight];
    }"""
    x, y = page.evaluate(script)
    return float(x), float(y)


def _patch(data: bytes, middle: tuple[float, float]) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    height, width = picture.shape[:2]
    x, y, half = int(middle[0] * width), int(middle[1] * height), max(4, height // 40)
    return np.asarray(picture[y - half : y + half, x - half : x + half].reshape(-1, 3).mean(axis=0))


def _token(address: str) -> str:
    return address.rpartition("/")[2].removesuffix(".jpg")
