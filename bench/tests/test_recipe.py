"""The published recipe is the published one: its cut, its rolls, its bug in counting, and its leak."""

from __future__ import annotations

import numpy as np
import pytest

from bench.recipe.cutting import Found, cut
from bench.recipe.model import fit, split
from bench.recipe.rolling import roll_times, rolled
from mlcore.records import Box, Eye, Landmarks, Pixels, Region, Side
from mlcore.synthetic import CohortConfig, Face, cohort, draw_face


class Finder:
    """Finds what it is told to."""

    def __init__(self, landmarks: Landmarks | None = None, eye: Eye | None = None) -> None:
        self._landmarks, self._eye = landmarks, eye

    def frontal(self, rgb: Pixels, weakest: float = 0.0) -> Landmarks | None:
        return self._landmarks

    def one_eye(self, rgb: Pixels) -> Eye | None:
        return self._eye


@pytest.fixture(scope="module")
def face() -> Face:
    config = CohortConfig(size=1, profile_share=0.0)
    return draw_face(cohort(config)[0], config)


EYE = Eye(Box(200, 200, 260, 240), Side.LEFT)


def _landmarks(face: Face, count: int) -> Landmarks:
    return Landmarks(face.landmarks, Box(0, 0, 480, 640), count)


def test_an_aligned_face_gives_its_patches(face: Face) -> None:
    pieces = cut(Finder(_landmarks(face, 1), EYE), face.pixels)
    assert pieces.found is Found.LANDMARKS
    assert pieces.patches[0].region is Region.FOREHEAD


def test_two_faces_count_as_none(face: Face) -> None:
    assert cut(Finder(_landmarks(face, 2), EYE), face.pixels).found is Found.ONE_EYE
    assert cut(Finder(_landmarks(face, 2), None), face.pixels).found is Found.WHOLE_PICTURE


def test_where_nothing_is_found_the_whole_picture_passes_for_skin(face: Face) -> None:
    (patch,) = cut(Finder(), face.pixels).patches
    assert patch.box == Box(0, 0, 480, 640)


def test_smaller_classes_are_rolled_more_often_as_in_the_publication() -> None:
    sizes = {0: 244, 1: 1156, 2: 1822, 3: 614, 4: 160}
    classes = [of for of, size in sizes.items() for _ in range(size)]
    assert roll_times(classes) == {0: 8, 1: 2, 2: 2, 3: 3, 4: 12}


def test_a_forehead_rolls_to_the_left_and_a_cheek_upwards_by_equal_steps() -> None:
    piece = np.arange(10 * 12 * 3, dtype=np.uint8).reshape(10, 12, 3)
    forehead = rolled(piece, Region.FOREHEAD, 2)
    assert len(forehead) == 3
    np.testing.assert_array_equal(forehead[0], piece)
    np.testing.assert_array_equal(forehead[1][:, :8], piece[:, 4:])
    np.testing.assert_array_equal(forehead[1][:, 8:], piece[:, :4])
    cheek = rolled(piece, Region.LEFT_CHEEK, 2)
    np.testing.assert_array_equal(cheek[2][:4], piece[6:])
    np.testing.assert_array_equal(cheek[2][4:], piece[:6])


def test_the_split_is_by_row_and_within_each_class() -> None:
    classes = np.repeat([0, 1], [100, 50])
    train, aside = split(classes, seed=5)
    assert np.bincount(classes[aside]).tolist() == [20, 10]
    assert sorted([*train, *aside]) == list(range(150))


def test_its_validation_is_far_too_kind_where_targets_can_only_be_remembered() -> None:
    draw = np.random.default_rng(1)
    # A face's rolled patches look alike and tell nothing of its grade.
    looks = draw.normal(size=(60, 1, 1, 16))
    images = [(look + 0.01 * draw.normal(size=(2, 4, 16))).astype(np.float32) for look in looks]
    targets = draw.integers(1, 6, size=60)
    model = fit(images, targets.astype(float).tolist(), targets.tolist(), seed=5)
    strangers = draw.normal(size=(60, 2, 16)).astype(np.float32)
    honest = np.sqrt(
        np.mean([(model.score(rows) - target) ** 2 for rows, target in zip(strangers, targets, strict=True)])
    )
    assert model.rows == 384
    assert model.validation_rmse < 0.6 < 1.2 < honest


def test_scaled_features_count_alike_whatever_their_size() -> None:
    draw = np.random.default_rng(2)
    images = [draw.normal(size=(2, 2, 8)).astype(np.float32) for _ in range(20)]
    targets = [float(image[0, 0, 0]) for image in images]
    sizes = (2.0 ** np.arange(-8, 8, 2)).astype(np.float32)
    one = fit(images, targets, [0] * 20, seed=5, scaled=True)
    other = fit([image * sizes for image in images], targets, [0] * 20, seed=5, scaled=True)
    patches = draw.normal(size=(3, 8)).astype(np.float32)
    assert one.score(patches) == other.score(patches * sizes) != 0
