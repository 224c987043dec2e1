"""Pictures are brought from the disk before a browser can ask for them.

A golden image was read for other raters before, and is still in memory; a training image is read for the first time.
On a slow disk that would show in how long a picture takes. So with every window the machine is asked to read the
pictures of the next images as well, that are not sent yet: when one is sent, it has long been in memory, whatever its
set. The database's rows about them are read by the same query.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from labeler import file_store

# Images beyond the window whose pictures are read: two windows more.
AHEAD = 20


def read_ahead(paths: Iterable[str]) -> None:
    """Ask the machine to read these stored files into its memory, and don't wait for it.

    Where it takes no such advice (macOS) nothing is done. A file that is gone is left to whoever is asked for it.
    """
    if not hasattr(os, "posix_fadvise"):
        return
    for path in filter(None, paths):
        try:
            file = os.open(file_store.path_of(path), os.O_RDONLY)
        except FileNotFoundError:
            continue
        try:
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(file)
