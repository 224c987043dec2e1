"""Photographs as phones take them, without a patient: drawn faces enlarged to 12 megapixels, with grain.

A few faces are drawn and each photograph is another crop of one under another piece of grain, so that thousands are
made in minutes and no two are alike.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.records import Pixels
from mlcore.synthetic import CohortConfig, cohort, draw_face

WIDTH, HEIGHT = 3000, 4000
QUALITY: Final = 90
_FACES: Final = 12
_SEED: Final = 2018
_GRAIN: Final = 6.0  # grey levels
_SPARE: Final = 200  # pixels by which the grain is larger than a photograph


@cache
def faces() -> tuple[Pixels, ...]:
    config = CohortConfig(size=_FACES, seed=_SEED)
    return tuple(draw_face(subject, config).pixels for subject in cohort(config))


@cache
def _grain() -> NDArray[np.int16]:
    """Of brightness alone, as most of a sensor's is once a phone has worked on it."""
    grain = np.random.default_rng(_SEED).normal(0, _GRAIN, (HEIGHT + _SPARE, WIDTH + _SPARE, 1)).astype(np.int16)
    return np.repeat(grain, 3, axis=2)


def photograph(number: int) -> bytes:
    """The JPEG of that number, of 12 megapixels."""
    draw = np.random.default_rng((_SEED, number))
    face = faces()[number % _FACES]
    height, width = face.shape[:2]
    scale = draw.uniform(0.8, 1.0)
    tall, wide = round(height * scale), round(width * scale)
    top, left = draw.integers(0, height - tall + 1), draw.integers(0, width - wide + 1)
    large = cv2.resize(face[top : top + tall, left : left + wide], (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)
    down, right = draw.integers(0, _SPARE, 2)
    grainy = cv2.add(large, _grain()[down : down + HEIGHT, right : right + WIDTH], dtype=cv2.CV_8U)
    done, data = cv2.imencode(".jpg", grainy[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    return data.tobytes()


def draw_into(folder: Path, numbers: range) -> int:
    """Draw those photographs into a folder; returns their bytes."""

    def one(number: int) -> int:
        return (folder / f"IMG_{number:05}.jpg").write_bytes(photograph(number))

    with ThreadPoolExecutor() as pool:
        return sum(pool.map(one, numbers))
