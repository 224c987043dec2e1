"""Which file came from where, so that importing again does not fetch what is there.

Beside the study's files, one line for each: a digest of name and mark, keyed with the site's secret, which tells
nothing of either. It is no evidence and in no export; losing it costs a second download.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from django.conf import settings

from labeler import file_store

_DIGITS: Final = 32


class Marks:
    """The marks of a study's files. One import at a time writes them."""

    def __init__(self, study_id: int) -> None:
        self._path = file_store.path_of(f"studies/{study_id}/marks")
        self._study_id = study_id
        self._known = set(self._path.read_text().split()) if self._path.exists() else set()

    def knows(self, name: str, mark: str) -> bool:
        """Whether the study's file of that name came from just there. Without a mark, nobody knows."""
        return bool(mark) and self._digest(name, mark) in self._known

    def remember(self, came: Iterable[tuple[str, str]]) -> None:
        """Write down names and marks, once the files are in the study."""
        new = {self._digest(name, mark) for name, mark in came if mark} - self._known
        if not new:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.writelines(f"{digest}\n" for digest in sorted(new))
        self._known |= new

    def _digest(self, name: str, mark: str) -> str:
        told = f"mark {self._study_id} {name}\0{mark}".encode()
        return hmac.new(settings.SECRET_KEY.encode(), told, hashlib.sha256).hexdigest()[:_DIGITS]
