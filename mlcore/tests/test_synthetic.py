"""The drawn faces: their truth, their independence of order, and what confounders may and may not change."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mlcore.faces import FaceFinder
from mlcore.synthetic import CohortConfig, Face, LesionKind, Subject, cohort, draw_face, encode_jpeg

CONFIG = CohortConfig(size=12, seed=41)


def _drawn(subject: Subject, config: CohortConfig = CONFIG, **changes: object) -> Face:
    return draw_face(replace(subject, **changes), config)  # type: ignore[arg-type]


def test_a_face_is_the_same_whatever_was_drawn_before_it() -> None:
    subjects = cohort(CONFIG)
    first = draw_face(subjects[3], CONFIG)
    draw_face(subjects[7], CONFIG)
    again = draw_face(cohort(replace(CONFIG, size=4))[3], CONFIG)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.lesions == again.lesions


def test_a_fresh_process_draws_the_same_pixels() -> None:
    script = (
        "import hashlib; from mlcore.synthetic import *; c = CohortConfig(size=12, seed=41);"
        "print(hashlib.sha256(draw_face(cohort(c)[2], c).pixels.tobytes()).hexdigest())"
    )
    here = hashlib.sha256(draw_face(cohort(CONFIG)[2], CONFIG).pixels.tobytes()).hexdigest()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here


def test_another_seed_draws_another_face() -> None:
    other = replace(CONFIG, seed=42)
    assert not np.array_equal(draw_face(cohort(CONFIG)[0], CONFIG).pixels, draw_face(cohort(other)[0], other).pixels)


def _lesions_at(severities: NDArray[np.float64]) -> list[int]:
    small = CohortConfig(size=len(severities), seed=8, width=240, height=320)
    return [len(_drawn(s, small, yaw=0.0, severity=v).lesions) for s, v in zip(cohort(small), severities, strict=True)]


def test_lesions_grow_with_severity() -> None:
    number = np.array(_lesions_at(np.linspace(1, 5, 24)))
    assert np.corrcoef(np.argsort(np.argsort(number)), np.arange(24))[0, 1] > 0.9


def test_equal_severities_differ_in_their_lesions_more_than_by_chance_alone() -> None:
    number = np.array(_lesions_at(np.full(24, 3.5)))
    assert number.var() > 1.3 * number.mean()


def test_a_clear_face_has_few_lesions_and_a_severe_one_has_nodules() -> None:
    clear, severe = (_drawn(cohort(CONFIG)[0], yaw=0.0, severity=level).lesions for level in (1.0, 5.0))
    assert len(clear) < 10 < 40 < len(severe)
    assert LesionKind.NODULE in {lesion.kind for lesion in severe}


def test_every_lesion_lies_on_skin_and_is_a_few_pixels_wide() -> None:
    for subject in cohort(CONFIG)[:6]:
        face = _drawn(subject, severity=4.5)
        assert face.lesions
        assert all(face.skin_mask[round(lesion.y), round(lesion.x)] for lesion in face.lesions)
        assert 2 < 2 * np.median([lesion.radius for lesion in face.lesions]) < 9


def test_a_lesion_changes_the_picture_where_it_says_it_is() -> None:
    subject = replace(cohort(CONFIG)[1], yaw=0.0, tone=2)
    calm = CohortConfig(size=12, seed=41, confounders=0.0)
    bare, severe = _drawn(subject, calm, severity=1.0), _drawn(subject, calm, severity=5.0)
    change = np.abs(severe.pixels.astype(int) - bare.pixels).sum(axis=2)
    red = [lesion for lesion in severe.lesions if lesion.kind is LesionKind.PAPULE]
    there = [change[round(lesion.y), round(lesion.x)] for lesion in red]
    assert np.mean(there) > 3 * change[bare.skin_mask].mean()


def test_confounders_change_the_pixels_but_not_the_truth() -> None:
    subject = replace(cohort(CONFIG)[2], severity=3.5)
    clean, hard = (draw_face(subject, replace(CONFIG, confounders=strength)) for strength in (0.0, 1.0))
    assert not np.array_equal(clean.pixels, hard.pixels)
    assert clean.lesions == hard.lesions
    assert np.array_equal(clean.landmarks, hard.landmarks)
    assert np.array_equal(clean.skin_mask, hard.skin_mask)


def test_without_frailty_the_number_of_lesions_follows_severity_more_closely() -> None:
    subjects = [replace(one, severity=4.0, yaw=0.0) for one in cohort(CohortConfig(size=40, seed=3))]

    def spread(frailty: float) -> float:
        config = CohortConfig(size=40, seed=3, frailty=frailty, width=240, height=320)
        return float(np.std([len(draw_face(one, config).lesions) for one in subjects]))

    assert spread(0.0) < 0.8 * spread(3.0)


@pytest.mark.parametrize("tone", range(1, 7))
def test_faces_of_every_tone_are_found_with_their_landmarks(tone: int) -> None:
    finder = FaceFinder()
    for subject in cohort(CONFIG)[tone : tone + 2]:
        face = _drawn(subject, tone=tone, yaw=float(np.clip(subject.yaw, -15, 15)))
        found = finder.frontal(face.pixels)
        assert found is not None
        assert np.hypot(*(found.points - face.landmarks).T).mean() < 0.1 * face.eye_distance


def test_darker_types_are_drawn_darker() -> None:
    calm = replace(CONFIG, confounders=0.0)
    faces = [_drawn(cohort(CONFIG)[0], calm, tone=tone, yaw=0.0, severity=1.0) for tone in range(1, 7)]
    brightness = [float(face.pixels[face.skin_mask].mean()) for face in faces]
    assert brightness == sorted(brightness, reverse=True)


def test_profiles_show_one_eye_on_the_right_side() -> None:
    subject = cohort(CONFIG)[0]
    to_the_right, to_the_left = _drawn(subject, yaw=80.0), _drawn(subject, yaw=-80.0)
    assert to_the_right.left_eye is None and to_the_right.right_eye is not None
    assert to_the_left.right_eye is None and to_the_left.left_eye is not None
    assert to_the_right.landmarks[30, 0] > to_the_right.right_eye.centre[0]


def test_a_larger_picture_is_the_same_face_in_more_detail() -> None:
    subject = replace(cohort(CONFIG)[0], yaw=0.0)
    small, large = draw_face(subject, CONFIG), draw_face(subject, replace(CONFIG, width=960, height=1280))
    assert large.pixels.shape == (1280, 960, 3)
    assert np.abs(large.landmarks / 2 - small.landmarks).max() < 1.5
    shrunk = cv2.resize(large.pixels, (480, 640), interpolation=cv2.INTER_AREA)
    assert np.abs(shrunk.astype(int) - small.pixels).mean() < 12


def test_a_jpeg_comes_back_as_nearly_the_same_picture() -> None:
    face = draw_face(cohort(CONFIG)[0], CONFIG)
    data = encode_jpeg(face)
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert back is not None
    assert np.abs(back[..., ::-1].astype(int) - face.pixels).mean() < 4


def test_drawing_imports_neither_torch_nor_dlib() -> None:
    script = "import sys, mlcore.synthetic; sys.exit(bool({'torch', 'torchvision', 'dlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_nothing_but_lesions_tells_the_severity() -> None:
    """The same selfie of a clear and of a severe skin differs within a lesion's reach only."""
    config = CohortConfig(size=6, seed=8, confounders=0.0)
    for subject in cohort(config):
        clear, severe = (draw_face(replace(subject, severity=severity), config) for severity in (1.0, 4.8))
        near = np.zeros(clear.pixels.shape[:2], dtype=bool)
        ys, xs = np.indices(near.shape)
        for lesion in (*clear.lesions, *severe.lesions):
            near |= np.hypot(xs - lesion.x, ys - lesion.y) < 4.5 * lesion.radius + 6
        differs = (clear.pixels != severe.pixels).any(axis=2)
        assert differs.any() and not (differs & ~near).any()
        assert np.array_equal(clear.skin_mask, severe.skin_mask)
