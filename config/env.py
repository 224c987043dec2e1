"""Tiny readers of environment variables that refuse what they don't understand.

A secret may come from a file: where `X_FILE` is set, `X` is that file's content.
"""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """The variable's value, or the content of the file that `NAME_FILE` names."""
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE names {path}, which can't be read: {error.strerror}") from error
    return os.environ.get(name, default)


def flag(name: str, default: bool) -> bool:
    """`1`/`true`/`on` or `0`/`false`/`off`; anything else is refused rather than guessed."""
    value = text(name, "1" if default else "0").strip().lower()
    if value in {"1", "true", "on"}:
        return True
    if value in {"0", "false", "off", ""}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither 1/true/on nor 0/false/off")


def number(name: str, default: int) -> int:
    """A whole number."""
    value = text(name, str(default))
    try:
        return int(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number") from error


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def numbers(name: str) -> list[int]:
    """A list of whole numbers separated by commas; empty by default."""
    try:
        return [int(word) for word in words(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={text(name)!r} is not a list of whole numbers") from error
