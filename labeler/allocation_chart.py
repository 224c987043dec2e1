"""The picture of an allocation: raters in rows, images in columns; the golden set is everybody's, each fold one's own.

It is made of counts alone. With overlap, folds are laid end to end around the training images, as often as each image
is graded: so every image lies in so many folds. Which raters share an image is chance in truth; the cover is exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import altair as alt

_INK, _SOFT, _LINE, _GOLD, _FOLDS = "#1c2733", "#526070", "#d5dbe1", "#dcb15e", ("#3f7f86", "#0b4d53")
_WIDTH: Final = 620
# So that a small golden set is seen beside many training images, and folds beside a large one.
_GOLDEN_SHARE: Final = (0.1, 0.5)
# Narrower blocks have no room for their number.
_LABEL_SHARE: Final = 0.055


@dataclass(frozen=True, slots=True)
class Row:
    """One rater's queue in numbers; repeats are shown besides fold and golden images."""

    code: str
    fold: int
    repeats: int
    golden: int


@dataclass(frozen=True, slots=True)
class Block:
    """A run of images that one rater gets, from 0 to 1 across the picture; `label` is a number or empty."""

    code: str
    start: float
    end: float
    colour: str
    label: str


def blocks(rows: Sequence[Row], golden: int, training: int) -> list[Block]:
    """Every rater's blocks: golden images in front, and the fold where it lies among the training images."""
    border = _border(golden, training)
    found = [_golden_block(row, golden, border) for row in rows if row.golden]
    place = 0
    for number, row in enumerate(rows):
        colour = _FOLDS[number % 2]
        pieces = list(_around(place, row.fold, training))
        place += row.fold
        widest = max(pieces, key=lambda piece: piece[1] - piece[0], default=None)
        for start, end in pieces:
            left, right = (border + (1 - border) * at / training for at in (start, end))
            fits = (start, end) == widest and right - left >= _LABEL_SHARE
            found.append(Block(row.code, left, right, colour, str(row.fold) if fits else ""))
    return found


def _golden_block(row: Row, golden: int, border: float) -> Block:
    """From the edge: all of it, or as much as a rater who dropped out was sent."""
    end = border * min(row.golden / golden, 1) if golden else border
    return Block(row.code, 0.0, end, _GOLD, str(row.golden) if end >= _LABEL_SHARE else "")


def _border(golden: int, training: int) -> float:
    """Where the golden set ends: in proportion, within bounds; at an edge where there is nothing on one side."""
    if not golden or not training:
        return 1.0 if golden else 0.0
    least, most = _GOLDEN_SHARE
    return min(max(golden / (golden + training), least), most)


def _around(place: int, length: int, training: int) -> Iterator[tuple[int, int]]:
    """`length` images from `place` on, around the training images: one run, or two where it goes over the end."""
    if not length or not training:
        return
    start = place % training
    yield start, min(start + length, training)
    if start + length > training:
        yield 0, start + length - training


def specification(rows: Sequence[Row], golden: int, training: int) -> dict[str, Any]:
    """A Vega-Lite chart of an allocation to at least one rater."""
    step = 28 if len(rows) <= 15 else 18 if len(rows) <= 30 else 13
    size = 12 if len(rows) <= 30 else 10
    border = _border(golden, training)
    values = [
        {
            "rater": block.code,
            "start": block.start,
            "end": block.end,
            "colour": block.colour,
            "label": block.label,
            "middle": (block.start + block.end) / 2,
            "ink": _INK if block.colour == _GOLD else "#ffffff",
        }
        for block in blocks(rows, golden, training)
    ]
    queue = [
        {"rater": row.code, "queue": f"{row.fold + row.golden + row.repeats}", "at": 1.015, "from": 0, "to": 1}
        for row in rows
    ]
    order = [row.code for row in rows]
    y = alt.Y("rater:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=8))
    domain = alt.Scale(domain=[0, 1.09], nice=False)
    drawn = alt.Chart(alt.InlineData(values=values)).encode(y=y)
    each = alt.Chart(alt.InlineData(values=queue)).encode(y=y)
    height = {"band": 0.78}
    layers = [
        each.mark_bar(height=height, color="#edf1f3").encode(x=alt.X("from:Q", scale=domain, axis=None), x2="to:Q"),
        drawn.mark_bar(height=height).encode(
            x=alt.X("start:Q", scale=domain, axis=None), x2="end:Q", color=alt.Color("colour:N", scale=None)
        ),
        drawn.mark_text(fontSize=size).encode(x="middle:Q", text="label:N", color=alt.Color("ink:N", scale=None)),
        each.mark_text(align="left", color=_INK, fontSize=size).encode(x="at:Q", text="queue:N"),
    ]
    heads = [(border / 2, f"{golden} golden", golden), ((border + 1) / 2, f"{training} training", training)]
    titles = [{"at": at, "text": text} for at, text, count in heads if count] + [{"at": 1.05, "text": "queue"}]
    head = alt.Chart(alt.InlineData(values=titles)).encode(x="at:Q", y=alt.value(-8), text="text:N")
    layers.append(head.mark_text(color=_SOFT, fontSize=12, baseline="bottom"))
    chart = alt.layer(*layers).properties(width=_WIDTH, height={"step": step}, background="#ffffff", padding=14)
    chart = chart.configure(font="sans-serif").configure_view(stroke=None)
    chart = chart.configure_axis(labelColor=_INK, labelFontSize=size, grid=False)
    specified: dict[str, Any] = chart.to_dict()
    return specified
