"""Is the synthetic cohort honest? Its figures beside the published ones, and what detectors make of its faces."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.bars import Bar, at_least, at_most, below, within
from mlcore.faces import FaceFinder
from mlcore.synthetic import (
    PUBLISHED_PANEL,
    PUBLISHED_RMSE,
    CohortConfig,
    Face,
    cohort,
    draw_face,
    simulate_panel,
)
from mlcore.synthetic_panel import expected_rmse

TONES = (1, 2, 3, 4, 5, 6)
SEED = 2018


def run(quick: bool) -> list[Bar]:
    cv2.setNumThreads(1)
    return [
        *_panel(4_000 if quick else 40_000),
        *_faces(5 if quick else 40),
        _reproducible(),
        _speed(20 if quick else 120),
    ]


def _panel(size: int) -> Iterator[Bar]:
    severity = np.array([subject.severity for subject in cohort(CohortConfig(size=size, seed=SEED))])
    consensus = simulate_panel(severity, PUBLISHED_PANEL, SEED).mean(axis=1)
    shares = np.bincount(np.floor(consensus + 0.5).astype(int), minlength=6)[1:] / size
    off = np.abs(expected_rmse(severity, PUBLISHED_PANEL) - np.array(PUBLISHED_RMSE))
    yield within("consensus standard deviation", float(consensus.std()), 0.73, 0.03, "grades")
    yield at_least("rarest class's share of the rounded consensus", float(shares.min()), 0.005)
    yield at_least("largest class over smallest", float(shares.max() / max(shares.min(), 1e-9)), 3)
    yield at_most("panel's expected RMSE, largest distance from the published eleven", float(off.max()), 0.01, "grades")


def _drawn(each: int, profile: bool) -> Iterator[tuple[int, Face]]:
    """`each` faces of every tone, over all confounder strengths; yaws as the cohort draws them."""
    config = CohortConfig(size=each * len(TONES), seed=SEED, profile_share=1.0 if profile else 0.0)
    for subject in cohort(config):
        tone = TONES[subject.index % len(TONES)]
        yaw = subject.yaw if profile else float(np.clip(subject.yaw, -15, 15))
        strength = (subject.index // len(TONES)) % 5 / 4
        yield tone, draw_face(replace(subject, tone=tone, yaw=yaw), replace(config, confounders=strength))


def _faces(each: int) -> Iterator[Bar]:
    finder = FaceFinder()
    seen: list[tuple[int, float]] = []
    for tone, face in _drawn(each, profile=False):
        found = finder.frontal(face.pixels)
        seen.append((tone, np.nan if found is None else _error(found.points, face)))
    errors = np.array([error for _, error in seen])
    yield at_least("frontal faces found by the frontal detector", float(np.mean(~np.isnan(errors))), 0.95)
    worst = min(np.mean([not np.isnan(error) for of, error in seen if of == tone]) for tone in TONES)
    yield at_least("the same for the tone that fares worst", float(worst), 0.9)
    yield at_most("mean landmark error over the eye distance", float(np.nanmean(errors)), 0.06)
    yield from _profiles(finder, each)


def _profiles(finder: FaceFinder, each: int) -> Iterator[Bar]:
    taken: list[tuple[int, bool, bool]] = []
    for tone, face in _drawn(each, profile=True):
        taken.append((tone, finder.frontal(face.pixels) is not None, _eye_found(finder, face)))
    yield below("profiles found by the frontal detector", float(np.mean([front for _, front, _ in taken])), 0.2)
    yield at_least("profiles in which the eye cascade finds the eye", float(np.mean([eye for *_, eye in taken])), 0.8)
    worst = min(np.mean([eye for of, _, eye in taken if of == tone]) for tone in TONES)
    yield at_least("the same for the tone that fares worst", float(worst), 0.7)


def _error(points: NDArray[np.float64], face: Face) -> float:
    return float(np.hypot(*(points - face.landmarks).T).mean() / face.eye_distance)


def _eye_found(finder: FaceFinder, face: Face) -> bool:
    """A detection counts when its centre lies within a drawn eye's box enlarged by half."""
    centres = [((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2) for box in finder.eyes(face.pixels)]
    return any(eye.enlarged(0.5).holds(x, y) for eye in face.eye_boxes for x, y in centres)


def _reproducible() -> Bar:
    """Share of faces that come out bit for bit the same when drawn again, in the opposite order."""
    config = CohortConfig(size=8, seed=SEED)
    first = [draw_face(subject, config).pixels for subject in cohort(config)]
    again = [draw_face(subject, config).pixels for subject in reversed(cohort(config))][::-1]
    same = [np.array_equal(a, b) for a, b in zip(first, again, strict=True)]
    return at_least("faces that are bit-identical when drawn again", float(np.mean(same)), 1.0)


def _speed(faces: int) -> Bar:
    """Faces a second of one core's own time, after the first has filled the caches of noise."""
    config = CohortConfig(size=faces + 1, seed=SEED)
    subjects = cohort(config)
    draw_face(subjects[0], config)
    start = time.process_time()
    for subject in subjects[1:]:
        draw_face(subject, config)
    return at_least("faces of 480×640 drawn on one core", faces / (time.process_time() - start), 10, "1/s")
