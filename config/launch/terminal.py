"""What the person at the terminal sees: plain lines, and one line that changes while something takes long."""

import sys


class Terminal:
    """Lines on stdout; a progress line is rewritten in place on a terminal, and sparse in a log."""

    def __init__(self) -> None:
        self._changing = sys.stdout.isatty()
        self._open = False
        self._last = ("", -10)

    def say(self, line: str) -> None:
        self._close()
        print(line, flush=True)

    def progress(self, what: str, percent: int, doing: str) -> None:
        line = f"{what}: {percent} %, {doing}"
        if self._changing:
            print(f"\r\033[K{line}", end="", flush=True)
            self._open = True
        elif what != self._last[0] or percent >= self._last[1] + 10:
            print(line, flush=True)
            self._last = (what, percent)

    def _close(self) -> None:
        if self._open:
            print("\r\033[K", end="")
            self._open = False
