"""What the labelling page posts, read strictly: one JSON object per answer, every field named here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.utils.dateparse import parse_datetime

from labeler.answering import Answer
from labeler.looking_back import PARTS, PartGiven
from labeler.models import Flag, Region

MOST_ANSWERS = 100
LONGEST_COMMENT = 2000
LONGEST_MS = 24 * 3600 * 1000
FIELDS = frozenset(
    {"token", "client_key", "level", "flag", "comment", "unsure", "regions", "base_version", "shown_at", "client_time"}
    | {"decide_ms", "viewing"}
)
_PIXELS = (1, 100_000)
_PERCENT = (10, 1000)
# What the page tells of how the image was seen, and between which limits that makes sense: CSS pixels, device pixels
# per CSS pixel, how far it was zoomed in at most (1: fitted into its place), brightness and contrast in per cent.
VIEWING: Final[dict[str, tuple[float, float]]] = {
    "screen_width": _PIXELS,
    "screen_height": _PIXELS,
    "window_width": _PIXELS,
    "window_height": _PIXELS,
    "image_width": _PIXELS,
    "image_height": _PIXELS,
    "pixel_ratio": (0.05, 50),
    "zoom": (1, 100),
    "brightness": _PERCENT,
    "contrast": _PERCENT,
}


class BadMessage(Exception):
    """The message is not what the page sends; the text says where."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch of answers in the order given, the browser's clock when it was sent, and whose they are (R01, …).

    Somebody else may have signed in since they were given.
    """

    answers: tuple[Answer, ...]
    sent_at: datetime | None
    rater: str


def read_delivery(body: bytes) -> Delivery:
    """Raises BadMessage."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadMessage("not JSON") from error
    if not isinstance(message, dict) or set(message) - {"answers", "sent_at", "rater"}:
        raise BadMessage("expected answers, sent_at and rater")
    answers = message.get("answers")
    if not isinstance(answers, list) or not 1 <= len(answers) <= MOST_ANSWERS:
        raise BadMessage(f"answers: expected 1 to {MOST_ANSWERS}")
    return Delivery(tuple(_answer(item) for item in answers), _time(message, "sent_at"), _text(message, "rater", 8))


def _answer(item: object) -> Answer:
    if not isinstance(item, dict):
        raise BadMessage("an answer is an object")
    unknown = set(item) - FIELDS
    if unknown:
        raise BadMessage(f"unknown fields: {', '.join(sorted(map(str, unknown)))}")
    return Answer(
        token=_text(item, "token", 32),
        client_key=_key(item),
        level_value=_number(item, "level"),
        flag=_flag(item),
        comment=_text(item, "comment", LONGEST_COMMENT),
        unsure=item.get("unsure") is True,
        regions=_regions(item),
        base_version=_count(item, "base_version", 1_000_000) or 0,
        shown_at=_time(item, "shown_at"),
        client_time=_time(item, "client_time"),
        decide_ms=_count(item, "decide_ms", LONGEST_MS),
        viewing=_viewing(item),
    )


def _text(item: dict[str, Any], name: str, longest: int) -> str:
    value = item.get(name) or ""
    if not isinstance(value, str) or len(value) > longest or "\x00" in value:
        raise BadMessage(f"{name}: expected at most {longest} characters")
    # Half of a character, as a browser may leave of an emoji that was cut off, can't be stored; the answer can.
    return value.encode(errors="replace").decode()


def _key(item: dict[str, Any]) -> UUID:
    try:
        key = UUID(_text(item, "client_key", 36))
    except ValueError as error:
        raise BadMessage("client_key: expected a UUID") from error
    # Imported grades have keys of another version, that can be worked out: nobody may take them, or ask for them.
    if key.version != 4:
        raise BadMessage("client_key: expected a random UUID")
    return key


def _flag(item: dict[str, Any]) -> Flag:
    try:
        flag = Flag(_text(item, "flag", 8))
    except ValueError as error:
        raise BadMessage("flag: unknown") from error
    if flag == Flag.UNSEEN:
        raise BadMessage("flag: a whole face is seen")
    return flag


def _regions(item: dict[str, Any]) -> dict[Region, PartGiven]:
    """By region: {"level": 2, "flag": ""}, or {"level": null, "flag": "unseen"}."""
    value = item.get("regions") or {}
    if not isinstance(value, dict) or set(value) - set(PARTS):
        raise BadMessage(f"regions: expected {', '.join(PARTS)}")
    return {Region(name): _part(part) for name, part in value.items()}


def _part(part: object) -> PartGiven:
    if not isinstance(part, dict) or set(part) - {"level", "flag"}:
        raise BadMessage("regions: expected a level and a flag for each")
    level, flag = _number(part, "level"), _text(part, "flag", 8)
    if (level is None) != (flag == Flag.UNSEEN) or flag not in {Flag.NONE, Flag.UNSEEN}:
        raise BadMessage("regions: expected a level, or the flag unseen")
    return PartGiven(level, flag)


def _number(item: dict[str, Any], name: str) -> float | None:
    value = item.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e9:  # NaN isn't either
        raise BadMessage(f"{name}: expected a number")
    return float(value)


def _count(item: dict[str, Any], name: str, most: int) -> int | None:
    """A whole number; one beyond `most` counts as `most` (a picture left open overnight)."""
    value = _number(item, name)
    if value is not None and value < 0:
        raise BadMessage(f"{name}: expected 0 or more")
    return None if value is None else min(round(value), most)


def _time(item: dict[str, Any], name: str) -> datetime | None:
    """None of a clock that was never set: it must not keep its rater from grading."""
    value = _text(item, name, 40)
    if not value:
        return None
    try:
        moment = parse_datetime(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadMessage(f"{name}: expected a time with its zone")
    return moment if 2000 < moment.year < 2200 else None


def _viewing(item: dict[str, Any]) -> dict[str, float]:
    """A number beyond its limits is left out: a browser that measures oddly must not keep its rater from grading."""
    value = item.get("viewing") or {}
    if not isinstance(value, dict) or set(value) - set(VIEWING):
        raise BadMessage("viewing: unknown fields")
    numbers = {name: _number(value, name) for name in sorted(value)}
    return {name: number for name, number in numbers.items() if number is not None and _makes_sense(name, number)}


def _makes_sense(name: str, number: float) -> bool:
    least, most = VIEWING[name]
    return least <= number <= most
