import cv2
import numpy as np
import pytest

from mlcore.quality import measure
from mlcore.tests.pictures import scene


def test_a_blurred_picture_is_less_sharp() -> None:
    sharp = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 3), dtype=np.uint8)
    assert measure(blurred).sharpness < measure(sharp).sharpness / 10


def test_exposure_is_measured_in_grey_levels_and_shares() -> None:
    half = np.zeros((100, 200, 3), dtype=np.uint8)
    half[:, :50] = 255
    quality = measure(half)
    assert (quality.width, quality.height) == (200, 100)
    assert quality.brightness == pytest.approx(255 / 4)
    assert quality.dark_share == pytest.approx(0.75)
    assert quality.bright_share == pytest.approx(0.25)


def test_figures_do_not_depend_on_the_camera_size() -> None:
    rgb = scene(1280, 960)
    larger = np.asarray(cv2.resize(rgb, (2560, 1920), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    small, large = measure(rgb), measure(larger)
    assert large.brightness == pytest.approx(small.brightness, abs=1)
    assert large.sharpness == pytest.approx(small.sharpness, rel=0.15)


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="no pixels"):
        measure(np.zeros((0, 5, 3), dtype=np.uint8))
