"""The commands behind the Makefile."""

import argparse
import os
import signal
import time
from pathlib import Path

from config.embedded import layout
from config.launch import checking
from config.launch.problem import Problem
from config.launch.record import Record, birth_of
from config.launch.run import Run
from config.launch.terminal import Terminal
from config.launch.where import Where, port_number

CLONE = Path(__file__).resolve().parent.parent.parent
STOP_WITHIN = 60.0  # seconds


def run_command(arguments: list[str]) -> int:
    """Do what the arguments say; the exit status. A Problem is told in one line."""
    parser = argparse.ArgumentParser(prog="python3 -m config.launch", description=__doc__)
    parser.add_argument("command", choices=("run", "stop", "install", "test", "lint", "bench"))
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="passed on to pytest or the benchmark")
    given = parser.parse_args(arguments)
    try:
        if given.command == "run":
            return Run(CLONE, _where())()
        if given.command == "stop":
            return _stop()
        return checking.check(CLONE, given.command, given.rest)
    except Problem as problem:
        Terminal().say(f"Goldfold: {problem}.")
        return 1
    except OSError as error:
        Terminal().say(f"Goldfold: {error.filename or 'the system'}: {error.strerror}.")
        return 1


def _where() -> Where:
    return Where(os.environ.get("HOST") or "127.0.0.1", port_number("PORT", os.environ.get("PORT") or "8000"))


def _stop() -> int:
    number, _ = Record(layout(CLONE).home / "launch.json").launcher()
    birth = birth_of(number) if number else ""
    if not birth:
        Terminal().say("Goldfold is not running.")
        return 0
    os.kill(number, signal.SIGTERM)
    until = time.monotonic() + STOP_WITHIN
    while birth_of(number) == birth:
        if time.monotonic() > until:
            raise Problem(f"process {number} does not end")
        time.sleep(0.1)
    return 0
