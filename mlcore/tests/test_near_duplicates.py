"""Copies of a picture are found, and other pictures are not."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import pytest

from mlcore.images import decode
from mlcore.local_features import MOST_FEATURES, LocalFeatures, local_features
from mlcore.near_duplicates import Copy, find_copies
from mlcore.records import Pixels
from mlcore.tests.pictures import encoded, faces

SIZE = 12


@lru_cache(maxsize=1)
def packed_faces() -> tuple[bytes, ...]:
    return tuple(local_features(face.pixels).pack() for face in faces())


def recoded(rgb: Pixels) -> Pixels:
    return decode(encoded(rgb, "JPEG", quality=40))


def resized(rgb: Pixels) -> Pixels:
    return np.asarray(cv2.resize(rgb, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def cropped(rgb: Pixels) -> Pixels:
    height, width = rgb.shape[:2]
    return rgb[height // 8 : height // 8 + 4 * height // 5, width // 6 : width // 6 + 4 * width // 5]


def mirrored(rgb: Pixels) -> Pixels:
    return np.ascontiguousarray(rgb[:, ::-1])


def brighter(rgb: Pixels) -> Pixels:
    return np.clip(rgb.astype(np.float64) * 0.7 + 55, 0, 255).astype(np.uint8)


def mirrored_and_cropped(rgb: Pixels) -> Pixels:
    return recoded(brighter(cropped(mirrored(rgb))))


@pytest.mark.parametrize("change", [recoded, resized, cropped, mirrored, brighter, mirrored_and_cropped])
def test_a_changed_copy_of_each_face_is_found_and_nothing_else(change) -> None:  # type: ignore[no-untyped-def]
    copies = [local_features(change(face.pixels)).pack() for face in faces()]
    found = find_copies([*packed_faces(), *copies], [None] * (2 * SIZE))
    assert [(copy.first, copy.second) for copy in found] == [(at, at + SIZE) for at in range(SIZE)]
    assert {copy.mirrored for copy in found} == {change in {mirrored, mirrored_and_cropped}}
    assert all(0 <= copy.distance < 0.04 for copy in found)


def test_mirrored_features_are_those_of_the_mirror_image() -> None:
    own = local_features(faces()[0].pixels).mirrored()
    other = local_features(mirrored(faces()[0].pixels))
    near = np.linalg.norm(own.points[:, None] - other.points[None], axis=2).min(axis=1)
    assert np.median(near) < 0.1
    assert np.abs(own.thumbnail.astype(int) - other.thumbnail).max() <= 2


def test_packing_loses_nothing_and_keeps_within_its_size() -> None:
    features = local_features(faces()[0].pixels)
    data = features.pack()
    again = LocalFeatures.unpack(data)
    assert len(data) < 8192
    assert len(again.points) == MOST_FEATURES
    assert np.abs(again.points - features.points).max() <= 1 / 64
    assert np.array_equal(again.vectors, features.vectors)
    assert (again.width, again.height) == (features.width, features.height)


@pytest.mark.parametrize("data", [b"", b"x" * 100, b"\x00" * 4000])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no packed features"):
        LocalFeatures.unpack(data)


def test_pictures_without_features_and_unread_ones_are_like_nothing() -> None:
    grey = local_features(np.full((80, 60, 3), 128, dtype=np.uint8))
    assert len(grey.points) == 0
    assert find_copies([grey.pack(), None, grey.pack()], [5, 5, 5]) == []
    assert find_copies([], []) == []


def test_copies_are_found_among_more_pictures_than_are_all_compared() -> None:
    """By their visual words alone: each face's features, with those of others mixed in as other photographs."""
    draw, own = np.random.default_rng(3), [LocalFeatures.unpack(data) for data in packed_faces()]
    vectors, points = (np.concatenate([getattr(one, name) for one in own]) for name in ("vectors", "points"))
    others = []
    for _ in range(80):
        some = draw.integers(0, len(vectors), MOST_FEATURES)
        mixed = draw.permuted(vectors[some], axis=1)
        others.append(LocalFeatures(240, 320, points[some], mixed, own[0].thumbnail).pack())
    copies = [local_features(mirrored_and_cropped(face.pixels)).pack() for face in faces()]
    found = find_copies([*packed_faces(), *others, *copies], [None] * (2 * SIZE + 80))
    assert [(copy.first, copy.second) for copy in found] == [(at, at + SIZE + 80) for at in range(SIZE)]


def test_a_long_search_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    found = find_copies(packed_faces()[:2] * 2, [None] * 4, lambda done, total: told.append((done, total)))
    assert told[0] == (0, 4) and told[-1] == (4, 4)
    assert found == [Copy(0, 2, 0.0, False), Copy(1, 3, 0.0, False)]
