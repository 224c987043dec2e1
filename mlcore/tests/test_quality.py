from dataclasses import replace

import cv2
import numpy as np
import pytest

from mlcore.quality import LIMITS, Fault, Quality, measure, shortcomings
from mlcore.tests.pictures import frontal_face, scene

GOOD = Quality(1000, 1200, brightness=110, contrast=50, dark_share=0.01, bright_share=0.01, sharpness=150)


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


@pytest.mark.parametrize(
    ("fault", "quality", "eyes"),
    [
        (Fault.SMALL, replace(GOOD, height=255), 100),
        (Fault.DARK, replace(GOOD, brightness=34.9), 100),
        (Fault.BRIGHT, replace(GOOD, bright_share=0.41), 100),
        (Fault.BLUR, replace(GOOD, sharpness=3.9), 100),
        (Fault.SMALL_FACE, GOOD, 62.9),
    ],
)
def test_each_limit_finds_its_fault_alone(fault: Fault, quality: Quality, eyes: float) -> None:
    (found,) = shortcomings(quality, eyes)
    assert found.limit.fault is fault
    assert f"{found.limit.value:g}" in found.reason
    assert shortcomings(quality, eyes, limits=()) == ()


def test_what_is_exactly_at_its_limit_passes_and_what_is_unknown_fails_nothing() -> None:
    edge = Quality(256, 256, brightness=35, contrast=50, dark_share=0, bright_share=0.4, sharpness=4)
    assert shortcomings(edge, 63) == ()
    assert shortcomings(edge) == ()


def test_every_limit_has_a_unit_and_a_source() -> None:
    assert {limit.fault for limit in LIMITS} == set(Fault)
    assert all(limit.unit and len(limit.source) > 40 for limit in LIMITS)


def test_a_drawn_selfie_is_good_until_it_is_spoilt() -> None:
    rgb = frontal_face().pixels
    assert shortcomings(measure(rgb)) == ()
    spoilt = {
        Fault.SMALL: np.asarray(cv2.resize(rgb, (150, 200), interpolation=cv2.INTER_AREA), dtype=np.uint8),
        Fault.DARK: (rgb // 8).astype(np.uint8),
        Fault.BRIGHT: np.clip(rgb.astype(np.int64) * 4, 0, 255).astype(np.uint8),
        Fault.BLUR: np.asarray(cv2.GaussianBlur(rgb, (0, 0), 8), dtype=np.uint8),
    }
    for fault, picture in spoilt.items():
        assert fault in {found.limit.fault for found in shortcomings(measure(picture))}
