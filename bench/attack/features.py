"""From what a browser was sent to a table of numbers: one rule for every site, leaky or not.

Numbers stand as they are; of text, the shape is taken (digits as 0, the item's own token as TOKEN), and counted in a
few buckets; of messages, every field; of pages, every element and attribute; of a rater's queue, where an item stands
and how its token and its timings compare with those around it. What was not fetched for an item is NaN.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from html.parser import HTMLParser
from statistics import median

import numpy as np
from numpy.typing import NDArray

from bench.attack import jpeg
from bench.attack.browser import Exchange, Sighting

BUCKETS = 16
PERIODS = range(2, 13)
AROUND = 10
LONGEST_TEXT = 80

Row = dict[str, float]


def of_queue(sightings: Iterable[Sighting]) -> list[tuple[str, Row]]:
    """Each item's token and figures, of one rater's whole queue in its order."""
    rows = [(seen.token, _of_item(seen)) for seen in sightings]
    _compare_tokens(rows)
    _compare_timings([row for _, row in rows])
    for place, (_, row) in enumerate(rows):
        row["place"] = place / len(rows)
    return rows


def matrix(rows: Sequence[Row]) -> tuple[NDArray[np.float64], list[str]]:
    """Rows by columns (n, d), and the columns' names; a bucket into which nothing fell is 0, else NaN."""
    names = sorted({name for row in rows for name in row})
    filled = [[row.get(name, 0.0 if "#" in name else math.nan) for name in names] for row in rows]
    return np.array(filled, dtype=np.float64), names


def _of_item(seen: Sighting) -> Row:
    row: Row = {"place in window": seen.in_window}
    row |= {f"place mod {period}": seen.place % period for period in PERIODS}
    row |= _of_token(seen.token)
    for name, exchange in seen.exchanges.items():
        _of_exchange(name, exchange, seen.token, row)
        again = seen.exchanges.get(f"{name} again")
        row[f"{name} fastest"] = min(exchange.total, again.total if again else exchange.total)
    return row


def _of_token(token: str) -> Row:
    kinds = {"digits": str.isdigit, "upper": str.isupper, "lower": str.islower}
    row = {f"token {name}": sum(map(kind, token)) / max(len(token), 1) for name, kind in kinds.items()}
    row |= {"token length": len(token), "token first": ord(token[0]), "token last": ord(token[-1])}
    return row | {"token value": float(token) if token.isdecimal() else math.nan}


def _of_exchange(name: str, exchange: Exchange, token: str, row: Row) -> None:
    row[f"{name} status"] = exchange.status
    row[f"{name} first"], row[f"{name} time"] = exchange.first, exchange.total
    row[f"{name} rest"] = exchange.total - exchange.first
    row[f"{name} length"] = len(exchange.body)
    _count(row, f"{name} header order", " ".join(header for header, _ in exchange.headers))
    kind = ""
    for header, value in exchange.headers:
        kind = value if header.lower() == "content-type" else kind
        _of_text(row, f"{name} header {header}", value, token)
    if kind.startswith("image/"):
        row.update({f"{name} {figure}": value for figure, value in jpeg.figures(exchange.body).items()})
    elif "json" in kind:
        _of_json(row, name, json.loads(exchange.body), token)
    elif "html" in kind:
        _Page(row, name, token).feed(exchange.body.decode())


def _of_text(row: Row, name: str, value: str, token: str) -> None:
    if value.isdecimal() and len(value) < 16 and value != token:
        row[name] = float(value)
        return
    row[f"{name} length"] = len(value)
    shape = re.sub(r"\d+", "0", value.replace(token, "TOKEN"))
    # What is long and random, such as the form's token, has no shape that could come again.
    _count(row, name, shape if len(shape) <= LONGEST_TEXT else "long")


def _count(row: Row, name: str, text: str) -> None:
    column = f"{name.partition(' ')[0]} #{zlib.crc32(f'{name}={text}'.encode()) % BUCKETS}"
    row[column] = row.get(column, 0) + 1


def _of_json(row: Row, name: str, value: object, token: str) -> None:
    for path, leaf in _leaves(name, value):
        field = path.replace(token, "TOKEN")
        _count(row, f"{name} field", field)
        if isinstance(leaf, bool) or leaf is None:
            _count(row, field, str(leaf))
        elif isinstance(leaf, int | float):
            row[field] = float(leaf)
        elif leaf == token:
            _count(row, field, "TOKEN")
        else:
            _of_text(row, field, str(leaf), token)


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    """Every value with its path. The first of a list is this item's, where the list has one entry per item."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}", inner)
    elif isinstance(value, list):
        yield f"{path} count", len(value)
        for number, inner in enumerate(value):
            yield from _leaves(f"{path}[{'first' if number == 0 else 'later'}]", inner)
    else:
        yield path, value


class _Page(HTMLParser):
    """Counts a page's elements with their attributes, and reads the JSON that it carries."""

    def __init__(self, row: Row, name: str, token: str) -> None:
        super().__init__()
        self._row, self._name, self._token = row, name, token
        self._inside_json = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside_json = tag == "script" and ("type", "application/json") in attrs
        for attribute, value in [("", None), *attrs]:
            shape = re.sub(r"\d+", "0", (value or "").replace(self._token, "TOKEN"))
            _count(self._row, f"{self._name} <{tag} {attribute}>", shape[:LONGEST_TEXT])

    def handle_data(self, data: str) -> None:
        if self._inside_json:
            _of_json(self._row, self._name, json.loads(data), self._token)
            self._inside_json = False


def _compare_tokens(rows: list[tuple[str, Row]]) -> None:
    """Where each token stands among the rater's, as a number or text, and whether it grows from its neighbour."""
    order = sorted(range(len(rows)), key=lambda at: (len(rows[at][0]), rows[at][0]))
    ranks = {at: rank / len(rows) for rank, at in enumerate(order)}
    for at, (_, row) in enumerate(rows):
        row["token rank"] = ranks[at]
        row["token step"] = ranks[at] - ranks.get(at - 1, ranks[at])
        row["token step on"] = ranks.get(at + 1, ranks[at]) - ranks[at]


def _compare_timings(rows: list[Row]) -> None:
    """Each time over the median of those around it, so that a machine that grows slower tells nothing."""
    for name in ("window time", "image first", "image time", "answer first", "answer time", "answer fastest"):
        times = [row[name] for row in rows]
        for at, row in enumerate(rows):
            row[f"{name} relative"] = times[at] / max(median(times[max(0, at - AROUND) : at + AROUND + 1]), 1e-9)
