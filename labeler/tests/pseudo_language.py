"""A language in which every sentence of the catalogue stands in ⟦…⟧, to see what of a page is in no catalogue."""

from __future__ import annotations

import ast
import re
import struct
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

CODE: Final = "xx"
_ENTRY: Final = re.compile(r'^msgid ((?:".*"\n?)+)(?:msgid_plural ((?:".*"\n?)+))?', re.MULTILINE)
_HEADER: Final = "Content-Type: text/plain; charset=UTF-8\nPlural-Forms: nplurals=2; plural=(n != 1);\n"
# Attributes that are read out or shown.
_SAID: Final = {"alt", "aria-label", "aria-description", "aria-valuetext", "placeholder", "title", "content"}
_NOT_SAID: Final = {"script", "style", "kbd", "code"}
_VOID: Final = {"link", "meta", "img", "input", "br", "hr", "path", "circle", "rect"}


def wrapped(sentence: str) -> str:
    """The line breaks around it stay outside, as gettext asks for."""
    text = sentence.strip("\n")
    return sentence.replace(text, f"⟦{text}⟧") if text else sentence


def install(catalogue: Path, folder: Path) -> None:
    """Write the language, made of a .po file, into a folder for LOCALE_PATHS."""
    messages = {"": _HEADER}
    for one, many in _ENTRY.findall(catalogue.read_text(encoding="utf-8")):
        singular, plural = _text(one), _text(many)
        if plural:
            messages[f"{singular}\0{plural}"] = f"{wrapped(singular)}\0{wrapped(plural)}"
        elif singular:
            messages[singular] = wrapped(singular)
    target = folder / CODE / "LC_MESSAGES" / "django.mo"
    target.parent.mkdir(parents=True)
    target.write_bytes(_compiled(messages))


def _text(quoted: str) -> str:
    return "".join(ast.literal_eval(line) for line in quoted.splitlines())


def _compiled(messages: dict[str, str]) -> bytes:
    """The format of .mo files: a head, two tables of lengths and places, and the texts."""
    texts = [text.encode() for pair in zip(*sorted(messages.items()), strict=True) for text in pair]
    head, place, table, body = 28, 28 + 8 * len(texts), b"", b""
    for text in texts:
        table += struct.pack("<II", len(text), place + len(body))
        body += text + b"\0"
    half = 8 * len(messages)
    return struct.pack("<7I", 0x950412DE, 0, len(messages), head, head + half, 0, 0) + table + body


class _Said(HTMLParser):
    """The texts that a page shows or reads out, each by itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self._inside.append(tag)
        if tag != "meta":
            self.texts += [value for name, value in attrs if value and name in _SAID]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not _NOT_SAID.intersection(self._inside):
            self.texts.append(data)


def untranslated(page: str, names: set[str]) -> list[str]:
    """What of a page stands in no ⟦…⟧, without the names that are the study's own, numbers and signs."""
    # Markup may stand within a sentence: its text is a part of it.
    flat = "\n".join(_Said(page).texts)
    while flat != (flat := re.sub(r"⟦[^⟦⟧]*⟧", "", flat)):
        pass
    for name in sorted(names, key=len, reverse=True):
        flat = flat.replace(name, "")
    return [line.strip() for line in flat.splitlines() if re.search(r"[^\W\d_]", line)]
