"""A picture that nobody has seen yet is as fast as one that others have: it is in memory before it can be asked for."""

from __future__ import annotations

import errno
import os
import time

import pytest

from labeler import file_store, labelling
from labeler.models import Assignment, Membership
from labeler.reading_ahead import AHEAD, read_ahead
from labeler.tests.factories import start

needs_advice = pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="only Linux says what is in memory")


def in_memory(path: str) -> bool:
    file = os.open(file_store.path_of(path), os.O_RDONLY)
    try:
        return os.preadv(file, [bytearray(1)], 0, os.RWF_NOWAIT) == 1
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            pytest.skip("this file system does not say what is in memory")
        raise
    finally:
        os.close(file)


def forget(path: str) -> None:
    file = os.open(file_store.path_of(path), os.O_RDONLY)
    os.fsync(file)  # only what is on the disk can be forgotten
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


@needs_advice
def test_a_window_has_the_pictures_after_it_read_as_well(bob_rates: Membership) -> None:
    dealt = start(bob_rates, AHEAD + 5)
    paths = list(Assignment.objects.order_by("sort_key").values_list("rendition__path", flat=True))
    for path in paths:
        forget(path)
    assert labelling.window(bob_rates, 2).tokens == (dealt[0].token, dealt[1].token)
    time.sleep(2)
    # Each is asked about once, as asking has it read.
    there = [in_memory(path) for path in paths]
    if all(there):
        pytest.skip("this file system forgets nothing")
    # Of the pictures behind those the system may keep one that it was told to forget, but seldom all.
    assert all(there[: 2 + AHEAD])


def test_a_picture_that_is_gone_keeps_nobody_from_working(bob_rates: Membership) -> None:
    dealt = start(bob_rates, 2)
    path = Assignment.objects.values_list("rendition__path", flat=True).get(pk=dealt[1].pk)
    file_store.path_of(path).unlink()
    read_ahead(["", "no/such/file.jpg"])
    assert len(labelling.window(bob_rates, 1).tokens) == 1
