"""How far a long command is, told on stderr so that stdout stays clean."""

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from mlcore.tables import Finding

_EVERY_SECONDS: Final = 5.0
_MOST_FINDINGS: Final = 10
_NAMED: Final = 5


class Progress:
    """One line every few seconds, and one whenever a stage ends, with the time that the rest of the stage will take."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._stage = ""
        self._begun = self._told = 0.0

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def at(self, stage: str, done: int, total: int, note: str = "") -> None:
        """So many of the stage's pieces are done; may be called as often as one likes."""
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._begun, self._told = stage, now, now
        if done < total and now - self._told < _EVERY_SECONDS:
            return
        self._told = now
        spent = now - self._begun
        if done >= total:
            self._stage = ""
            self.say(f"{stage}: {total} of {total}, took {duration(spent)}{note and f', {note}'}")
        else:
            left = duration(spent / done * (total - done)) if done else "?"
            self.say(f"{stage}: {done} of {total}, {left} left{note and f', {note}'}")

    def findings(self, findings: Iterable[Finding | str]) -> None:
        """Warn of what was found odd: the first of them, and how many there are."""
        all_of_them = [str(finding) for finding in findings]
        for finding in all_of_them[:_MOST_FINDINGS]:
            self.say(f"warning: {finding}")
        if len(all_of_them) > _MOST_FINDINGS:
            self.say(f"warning: … and {len(all_of_them) - _MOST_FINDINGS} more like these.")


def some(names: Sequence[str]) -> str:
    """The first of them, for a sentence."""
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def duration(seconds: float) -> str:
    """Seconds as people say them: 8 s, 3 min 20 s, 1 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
