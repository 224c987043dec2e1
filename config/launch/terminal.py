"""What the person at the terminal sees: plain lines, and one line that changes while something takes long."""

import os
import sys


class Terminal:
    """Lines on stdout; a progress line is rewritten in place on a terminal, and sparse in a log."""

    def __init__(self) -> None:
        self._changing = sys.stdout.isatty()
        self._open = False
        self._last = ("", -10)

    def say(self, line: str) -> None:
        self._print(f"\r\033[K{line}\n" if self._open else f"{line}\n")
        self._open = False

    def progress(self, what: str, percent: int, doing: str) -> None:
        line = f"{what}: {percent} %, {doing}"
        if self._changing:
            self._print(f"\r\033[K{line}")
            self._open = True
        elif what != self._last[0] or percent >= self._last[1] + 10:
            self._print(f"{line}\n")
            self._last = (what, percent)

    def _print(self, text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            # The terminal is gone (a closed window, a pipe's reader that ended). There is nobody left to tell, and what
            # runs must still be stopped in order.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - it replaces stdout for good
