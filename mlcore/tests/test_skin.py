from dataclasses import replace

import numpy as np
import pytest

from mlcore.records import Box, Pixels
from mlcore.skin import Skin, find_skin, from_skin
from mlcore.synthetic import CohortConfig, Face, cohort, draw_face
from mlcore.tests.pictures import scene

SEED = 2018
CONFIG = CohortConfig(size=2, seed=11, confounders=0.3, profile_share=0.5)


def half(colour: tuple[int, int, int], other: tuple[int, int, int], size: int = 400) -> Pixels:
    """Two colours, left and right, with a little noise."""
    rgb = np.full((size, size, 3), other, dtype=np.float64)
    rgb[:, : size // 2] = colour
    noisy = rgb + np.random.default_rng(0).normal(0, 3, rgb.shape)
    return np.asarray(np.clip(noisy, 0, 255), dtype=np.uint8)


def best_on_skin(face: Face, found: Skin) -> float:
    """Of the patches by colour, how much of the best lies on drawn skin."""
    height, width = face.skin_mask.shape
    boxes = [patch.box for patch in from_skin(found, width, height).patches]
    assert boxes
    return max(float(face.skin_mask[box.y0 : box.y1, box.x0 : box.x1].mean()) for box in boxes)


@pytest.mark.parametrize("tone", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("yaw", [5.0, 75.0])
def test_patches_lie_on_skin_of_every_fitzpatrick_type(tone: int, yaw: float) -> None:
    face = draw_face(replace(cohort(CONFIG)[0], tone=tone, yaw=yaw), CONFIG)
    found = find_skin(face.pixels)
    rows, columns = np.nonzero(face.skin_mask)
    seen = found.mask[(rows * found.scale).astype(int), (columns * found.scale).astype(int)]
    assert seen.mean() > 0.9
    assert best_on_skin(face, found) > 0.8


@pytest.mark.parametrize("skin", [(243, 209, 192), (180, 130, 97), (101, 70, 55), (190, 95, 100)])
def test_skin_is_told_from_what_is_grey_green_or_blue(skin: tuple[int, int, int]) -> None:
    for other in ((110, 112, 115), (60, 120, 40), (40, 70, 140)):
        found = find_skin(half(skin, other))
        assert found.share(Box(20, 20, 180, 380)) > 0.95
        assert found.share(Box(220, 20, 380, 380)) < 0.05


def test_brown_hair_is_left_out_but_inflamed_skin_is_not() -> None:
    skin = (212, 165, 133)
    assert find_skin(half(skin, (84, 58, 40))).share(Box(220, 20, 380, 380)) < 0.05
    assert find_skin(half(skin, (130, 70, 72))).share(Box(220, 20, 380, 380)) > 0.95


def test_where_there_is_no_skin_none_is_found() -> None:
    for colour in ((0, 0, 0), (128, 128, 128), (255, 255, 255), (30, 90, 160)):
        found = find_skin(half(colour, colour))
        assert not found.mask.any()
        assert from_skin(found, 400, 400).patches == ()


def test_patches_are_squares_of_a_face_s_size_that_hardly_overlap() -> None:
    rgb = half((180, 130, 97), (40, 70, 140), 900)
    found = find_skin(rgb)
    assert found.extent == pytest.approx((900 * 450) ** 0.5, rel=0.03)
    boxes = [patch.box for patch in from_skin(found, 900, 900).patches]
    assert len(boxes) >= 3
    for at, box in enumerate(boxes):
        assert abs(box.width - box.height) <= 2
        assert 0.2 * found.extent < box.width <= 0.42 * found.extent
        assert box.x1 <= 460
        assert all(box.iou(other) < 0.12 for other in boxes[at + 1 :])


def test_the_same_picture_gives_the_same_skin() -> None:
    rgb = scene(300, 200)
    assert np.array_equal(find_skin(rgb).mask, find_skin(rgb).mask)


@pytest.mark.parametrize(("index", "strength"), [(233, 0.75), (287, 0.5)])
def test_hair_of_dark_skin_s_own_colour_is_left_out_of_a_profile(index: int, strength: float) -> None:
    config = CohortConfig(size=300, seed=SEED, confounders=strength, profile_share=0.1)
    face = draw_face(replace(cohort(config)[index], tone=6), config)
    assert best_on_skin(face, find_skin(face.pixels)) > 0.9


@pytest.mark.parametrize("index", [41, 131])
def test_a_face_in_the_middle_is_preferred_to_a_wall_of_skin_s_colour(index: int) -> None:
    config = CohortConfig(size=300, seed=SEED, confounders=0.25, profile_share=0.1)
    face = draw_face(replace(cohort(config)[index], tone=6), config)
    assert best_on_skin(face, find_skin(face.pixels)) > 0.9
