"""Where a command writes what it makes: a file that is there whole or not at all, or standard output."""

from __future__ import annotations

import codecs
from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path

from django.core.management.base import CommandError, OutputWrapper


def add_out_argument(parser: ArgumentParser) -> None:
    parser.add_argument("--out", metavar="FILE", help="where to write (default: standard output)")


def write_out(data: Iterable[bytes], out: str | None, stdout: OutputWrapper) -> None:
    """Write the pieces to the file `out`, else to `stdout`. Raises CommandError where the file can't be written."""
    if not out:
        _print(data, stdout)
        return
    path = Path(out)
    part = path.with_name(f"{path.name}.part")
    try:
        try:
            with part.open("wb") as file:
                file.writelines(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{out} can't be written: {error.strerror}.") from error


def _print(data: Iterable[bytes], stdout: OutputWrapper) -> None:
    binary = getattr(stdout, "buffer", None)
    if binary is not None:
        for piece in data:
            binary.write(piece)
        binary.flush()
        return
    # Somebody's text file, such as a test's: a character may be cut between two pieces.
    decoder = codecs.getincrementaldecoder("utf-8")()
    for piece in data:
        stdout.write(decoder.decode(piece), ending="")
