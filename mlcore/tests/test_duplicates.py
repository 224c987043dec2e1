import cv2
import numpy as np

from mlcore.duplicates import distance, is_copy, is_near, perceptual_hash
from mlcore.images import decode
from mlcore.tests.pictures import encoded, scene


def test_copies_lie_close_and_other_pictures_far() -> None:
    hashes = [perceptual_hash(scene(400, 300, seed)) for seed in range(8)]
    for seed, own in enumerate(hashes):
        rgb = scene(400, 300, seed)
        recoded = decode(encoded(rgb, "JPEG", quality=40))
        resized = np.asarray(cv2.resize(rgb, (200, 150), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        brighter = np.clip(rgb.astype(np.int16) * 0.8 + 30, 0, 255).astype(np.uint8)
        assert max(distance(own, perceptual_hash(copy)) for copy in (recoded, resized, brighter)) <= 8
    apart = [distance(a, b) for at, a in enumerate(hashes) for b in hashes[:at]]
    assert min(apart) >= 16


def test_a_hash_fits_a_signed_64_bit_column() -> None:
    hashes = [perceptual_hash(scene(seed=seed)) for seed in range(30)]
    assert all(-(2**63) <= value < 2**63 for value in hashes)
    assert min(hashes) < 0 < max(hashes)


def test_distance_counts_bits_whatever_the_sign() -> None:
    assert distance(0, 0) == 0
    assert distance(-1, 0) == 64
    assert distance(-1, 2**64 - 1) == 0
    assert distance(0b1011, 0b0010) == 2


def test_a_copy_is_told_from_another_picture() -> None:
    for seed in range(8):
        rgb = scene(400, 300, seed)
        recoded = decode(encoded(rgb, "JPEG", quality=40))
        resized = np.asarray(cv2.resize(rgb, (200, 150), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        brighter = np.clip(rgb.astype(np.int16) * 0.8 + 30, 0, 255).astype(np.uint8)
        for copy in (recoded, resized, brighter):
            assert is_copy(rgb, copy) and is_near(perceptual_hash(rgb), perceptual_hash(copy))
        assert not is_copy(rgb, scene(400, 300, seed + 1))
        assert not is_copy(rgb, np.ascontiguousarray(rgb[:, ::-1]))


def test_plain_pictures_are_copies_where_they_are_equally_light() -> None:
    dark, light = (np.full((80, 80, 3), value, dtype=np.uint8) for value in (60, 200))
    assert is_copy(dark, dark) and not is_copy(dark, light) and not is_copy(dark, scene())
