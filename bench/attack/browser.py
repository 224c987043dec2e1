"""A rater's browser, imitated: it signs in, labels a whole queue by a fixed rule, and notes all that it is sent."""

from __future__ import annotations

import http.client
import json
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

BASE_SEED = 7
SIGN_IN_TRIES = 5
# The page asks for ten images at once; between, the attacker asks for one alone, whose message then is about that one.
WINDOW, WINDOW_EVERY, PAGE_EVERY, EXTRAS_EVERY = 10, 5, 10, 5


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer of the site; seconds from the request to its headers, and to its last byte."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    first: float
    total: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """All that came for one image. `place` counts from 0 in the rater's queue, `in_window` in the last full window."""

    token: str
    place: int
    in_window: int
    exchanges: dict[str, Exchange]


class SignInFailed(Exception):
    """The site did not let the attacker in."""


class BrowserOfRater:
    """One rater at one keep-alive connection; each request waits for the one before."""

    def __init__(self, port: int, email: str, password: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: dict[str, str] = {}
        self._sign_in(email, password)

    def get(self, path: str, **headers: str) -> Exchange:
        return self._exchange("GET", path, None, headers)

    def post(self, path: str, body: bytes, **headers: str) -> Exchange:
        return self._exchange("POST", path, body, headers)

    def _sign_in(self, email: str, password: str) -> None:
        page = self.get("/accounts/login/").body.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        form = {"login": email, "password": password, "csrfmiddlewaretoken": token[1] if token else ""}
        kind = "application/x-www-form-urlencoded"
        for _ in range(SIGN_IN_TRIES):
            told = self.post("/accounts/login/", urlencode(form).encode(), **{"Content-Type": kind})
            if told.status == 302:
                return
            if told.status != http.client.TOO_MANY_REQUESTS:
                break
            # Two who sign in from one address in the same moment: one of them is asked to come again.
            time.sleep(1)
        raise SignInFailed(f"{email}: status {told.status}")

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Exchange:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        began = time.perf_counter()
        try:
            self._connection.request(method, path, body, {"Cookie": cookies, **headers})
            response = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # The site lets an idle connection go; a browser comes again, and so does this one. Answers have keys.
            self._connection.close()
            began = time.perf_counter()
            self._connection.request(method, path, body, {"Cookie": cookies, **headers})
            response = self._connection.getresponse()
        first = time.perf_counter() - began
        content = response.read()
        total = time.perf_counter() - began
        for line in response.headers.get_all("Set-Cookie") or []:
            self._cookies.update({name: morsel.value for name, morsel in SimpleCookie(line).items()})
        return Exchange(response.status, tuple(response.getheaders()), content, first, total)


def label(browser: BrowserOfRater, rater: int) -> Iterator[Sighting]:
    """Label the rater's whole queue, one image after the other; answers depend on rater and place alone."""
    found = re.search(r"/studies/(\d+)/label/", browser.get("/").body.decode())
    if found is None:
        raise SignInFailed("the first page offers nothing to label")
    base = f"/studies/{found[1]}/label/"
    place = 0
    while True:
        in_window = place % WINDOW_EVERY
        window = browser.get(f"{base}window.json?size={1 if in_window else WINDOW}")
        message = json.loads(window.body)
        if not message["tokens"]:
            return
        token = message["tokens"][0]
        yield _one(browser, base, token, message["csrf"], rater, place, window)
        place += 1


def _one(
    browser: BrowserOfRater, base: str, token: str, csrf: str, rater: int, place: int, window: Exchange
) -> Sighting:
    exchanges = {"window": window, "image": browser.get(f"{base}i/{token}.jpg")}
    if place % PAGE_EVERY == 0:
        exchanges["page"] = browser.get(base)
    body = json.dumps({"answers": [_answer(rater, place, token)], "rater": json.loads(window.body)["rater"]}).encode()
    headers = {"Content-Type": "application/json", "X-CSRFToken": csrf}
    # Twice, as a browser does that lost its connection: what slows both is no chance.
    exchanges["answer"] = browser.post(f"{base}answers", body, **headers)
    exchanges["answer again"] = browser.post(f"{base}answers", body, **headers)
    if place % EXTRAS_EVERY == 0:
        exchanges["image again"] = browser.get(f"{base}i/{token}.jpg", **{"If-None-Match": f'"{token}"'})
        exchanges["previous"] = browser.get(f"{base}previous.json?size=1")
    return Sighting(token, place, place % WINDOW_EVERY, exchanges)


def _answer(rater: int, place: int, token: str) -> dict[str, Any]:
    rng = random.Random(f"{BASE_SEED} {rater} {place}")
    graded = rng.random() < 0.95
    return {
        "token": token,
        "client_key": str(UUID(int=rng.getrandbits(128), version=4)),
        "level": rng.choice([1, 2, 3, 4, 5]) if graded else None,
        "flag": "" if graded else "blur",
        "unsure": rng.random() < 0.1,
    }
