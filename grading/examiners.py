"""Processes that look at pictures, one per core: see `mlcore.examiner` for why they are processes.

They are plain child processes, as a Celery worker's own process may have no `multiprocessing` children. Imports dlib.
"""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings

from mlcore.examiner import READY, Examined, examine_file
from mlcore.faces import FaceFinder, FaceModelMissing

logger = logging.getLogger(__name__)

# So few pictures are looked at here: a process needs seconds to start.
_FEW: Final = 12
_AHEAD: Final = 4


def cores() -> int:
    return max(1, len(os.sched_getaffinity(0)))


def examined(paths: Iterable[Path], *, count: int, processes: int | None = None) -> Iterator[Examined | None]:
    """What is found in each of `count` files, in their order; None for one that can't be read.

    A file that kills its process, as decoders of hostile bytes can, is one that can't be read.
    """
    if count <= _FEW and processes is None:
        finder = _finder()
        yield from (examine_file(path, finder) for path in paths)
        return
    with _children(processes or cores()) as pool:
        waiting: deque[Future[Examined | None]] = deque()
        for path in paths:
            waiting.append(pool.submit(_ask, path))
            if len(waiting) >= _AHEAD * (processes or cores()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@lru_cache(maxsize=1)
def _finder() -> FaceFinder:
    return FaceFinder()


class ExaminerFailed(RuntimeError):
    """A process that looks at pictures did not start."""


class _Child:
    """One process; `ask` may be called by one thread at a time."""

    def __init__(self) -> None:
        one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from mlcore.examiner import serve; serve()"],
            cwd=settings.BASE_DIR,
            env={**os.environ, **one_thread},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if self._answer() != READY:
            raise ExaminerFailed("A process that looks at pictures did not start; the worker's log says why.")

    def ask(self, path: Path) -> Examined | None:
        """What is found in the file. Raises _Died, FaceModelMissing."""
        assert self._process.stdin is not None
        try:
            pickle.dump(path, self._process.stdin)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise _Died from error
        found = self._answer()
        if isinstance(found, FaceModelMissing):
            raise found
        if found is not None and not isinstance(found, Examined):
            raise _Died
        return found

    def end(self) -> None:
        """The process ends by itself once its input does."""
        self._process.communicate()

    def _answer(self) -> object:
        assert self._process.stdout is not None
        try:
            return pickle.load(self._process.stdout)
        except (EOFError, pickle.UnpicklingError):
            return _Died


class _Died(Exception):
    """The process ended while it looked at a picture."""


_own = threading.local()


@contextmanager
def _children(processes: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads, each of which has a child of its own; all children end with it."""
    started: list[_Child] = []

    def begin() -> None:
        _own.started, _own.child = started, None

    pool = ThreadPoolExecutor(processes, thread_name_prefix="examiner", initializer=begin)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for child in started:
            child.end()


def _ask(path: Path) -> Examined | None:
    if _own.child is None:
        _own.child = _Child()
        _own.started.append(_own.child)
    try:
        found: Examined | None = _own.child.ask(path)
    except _Died:
        logger.warning("a process died while it looked at %s; the picture counts as one that can't be read", path)
        _own.child = None
        return None
    return found
