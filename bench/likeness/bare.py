"""Photographs to look at, and the bare calls on them. Without Django, for further processes."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from mlcore.faces import FaceFinder
from mlcore.images import decode
from mlcore.records import Pixels
from mlcore.synthetic import CohortConfig, cohort, draw_face

WIDTH, HEIGHT = 1200, 1600
_DRAWN = 12


@lru_cache(maxsize=1)
def drawn() -> tuple[Pixels, ...]:
    config = CohortConfig(size=_DRAWN, seed=77)
    return tuple(draw_face(subject, config).pixels for subject in cohort(config))


def photograph(number: int) -> Pixels:
    """A drawn face enlarged to a rendition's size, with grain of its own; the cut differs from one to the next."""
    draw = np.random.default_rng(number)
    face = drawn()[number % _DRAWN]
    top, left = draw.integers(0, 12, 2)
    cut = face[top : top + 628, left : left + 468]
    large = cv2.resize(cut, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    grain = draw.normal(0, 4, (HEIGHT, WIDTH, 1)).astype(np.int16)
    return np.asarray(np.clip(large + grain, 0, 255), dtype=np.uint8)


@lru_cache(maxsize=1)
def _finder() -> FaceFinder:
    cv2.setNumThreads(1)
    finder = FaceFinder()
    _calls(finder, photograph(0))
    return finder


def _calls(finder: FaceFinder, pixels: Pixels) -> None:
    face = finder.frontal(pixels)
    if face is not None:
        finder.embedding(pixels, face)


def bare_seconds(path: str) -> float:
    """Of detection, landmarks and embedding alone; decoding, and reading the models, come before the clock starts."""
    finder, pixels = _finder(), decode(Path(path).read_bytes())
    began = time.perf_counter()
    _calls(finder, pixels)
    return time.perf_counter() - began
