"""What a rater's browser asks for while it labels at full speed, and how long each label took."""

from __future__ import annotations

import json
import random
import string
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bench.answers.lines import Conversation

WINDOW = 12  # as the page


class NotTaken(Exception):
    """The server did not take a grade, or sent no picture."""


@dataclass
class Seen:
    """Seconds of each label, to the last answer before the next, and of each request; sizes of images; labels' keys."""

    labels: list[float] = field(default_factory=list)
    window: list[float] = field(default_factory=list)
    image: list[float] = field(default_factory=list)
    submit: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


class Rater(ABC):
    """`number` seeds what is chosen; `told` has the session, and what else this kind of rater needs."""

    def __init__(self, number: int, told: dict[str, Any]) -> None:
        self.rng = random.Random(f"answers {number}")
        self.seen = Seen()
        self.cookie = f"sessionid={told['session']}"

    @abstractmethod
    def begin(self) -> Conversation:
        """What comes before the first image."""

    @abstractmethod
    def one(self) -> Conversation:
        """One label."""

    def work(self, until: float, most: int) -> Conversation:
        """At most so many labels; none is begun after `until`, by `time.perf_counter`."""
        self.seen = Seen()
        for _ in range(most):
            began = time.perf_counter()
            if began > until:
                return
            yield from self.one()
            self.seen.labels.append(time.perf_counter() - began)

    def get(self, path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n\r\n".encode()

    def post(self, path: str, body: bytes, more: str = "") -> bytes:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n{more}"
        return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body

    def picture(self, path: str) -> Conversation:
        asked = time.perf_counter()
        sent = yield self.get(path)
        self.seen.image.append(time.perf_counter() - asked)
        self.seen.sizes.append(len(sent))
        if not sent.startswith(b"\xff\xd8"):
            raise NotTaken("no picture")


class SiteRater(Rater):
    """A rater of the site, who asks for the next images whenever `window_every` labels are given, as the page does."""

    def __init__(self, number: int, told: dict[str, Any]) -> None:
        super().__init__(number, told)
        # A browser keeps the cookie that it was given; any will do, and the page's token is made from it.
        self.cookie += "; csrftoken=" + "".join(self.rng.choices(string.ascii_letters, k=32))
        self._base = f"/studies/{told['study']}/label/"
        self._code = told["code"]
        self._window_every = told["window_every"]
        self._tokens: list[str] = []
        self._csrf = ""
        self._done = 0

    def begin(self) -> Conversation:
        yield from self._window()

    def one(self) -> Conversation:
        token = self._tokens.pop(0)
        yield from self.picture(f"{self._base}i/{token}.jpg")
        key = str(UUID(int=self.rng.getrandbits(128), version=4))
        asked = time.perf_counter()
        told = yield self.post(f"{self._base}answers", self._answer(token, key), f"X-CSRFToken: {self._csrf}\r\n")
        self.seen.submit.append(time.perf_counter() - asked)
        if told.count(b'"status": "saved"') != 1:
            raise NotTaken(told[:500].decode())
        self.seen.keys.append(key)
        self._done += 1
        if self._done % self._window_every == 0:
            yield from self._window()

    def _window(self) -> Conversation:
        asked = time.perf_counter()
        found = json.loads((yield self.get(f"{self._base}window.json?size={WINDOW}")))
        self.seen.window.append(time.perf_counter() - asked)
        self._tokens, self._csrf = found["tokens"], found["csrf"]

    def _answer(self, token: str, key: str) -> bytes:
        """With all that the page tells of an answer."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        viewing = {"window_width": 1366, "window_height": 768, "image_width": 500, "image_height": 667}
        grade = {"level": self.rng.randint(1, 5), "flag": "", "comment": "", "unsure": False, "base_version": 0}
        times = {"shown_at": now, "client_time": now, "decide_ms": self.rng.randint(400, 4000)}
        one = {"token": token, "client_key": key, **grade, **times, "viewing": viewing | {"pixel_ratio": 1}}
        return json.dumps({"answers": [one], "sent_at": now, "rater": self._code}).encode()


class BareRater(Rater):
    """The same on the bare application: next item, image, submit."""

    def __init__(self, number: int, told: dict[str, Any]) -> None:
        super().__init__(number, told)
        self._last = 0

    def begin(self) -> Conversation:
        yield from ()

    def one(self) -> Conversation:
        asked = time.perf_counter()
        self._last = json.loads((yield self.get(f"/next?after={self._last}")))["item"]
        self.seen.window.append(time.perf_counter() - asked)
        yield from self.picture(f"/image/{self._last}")
        asked = time.perf_counter()
        told = yield self.post("/submit", json.dumps({"item": self._last, "level": self.rng.randint(1, 5)}).encode())
        self.seen.submit.append(time.perf_counter() - asked)
        self.seen.keys.append(str(json.loads(told)["saved"]))
