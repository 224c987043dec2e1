import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from mlcore.faces import FaceFinder, FaceModelMissing
from mlcore.images import decode
from mlcore.patches import from_landmarks
from mlcore.records import Box, Pixels, Region, Side
from mlcore.tests.pictures import finder, frontal_face, profile_face

FINDER = finder()


def beside(left: Pixels, right: Pixels) -> Pixels:
    return np.concatenate([left, right], axis=1)


def test_landmarks_lie_on_the_drawn_face() -> None:
    face = frontal_face()
    found = FINDER.frontal(face.pixels)
    assert found is not None
    assert found.count == 1
    between_eyes = np.linalg.norm(face.landmarks[36:42].mean(axis=0) - face.landmarks[42:48].mean(axis=0))
    errors = np.linalg.norm(found.points - face.landmarks, axis=1)
    assert errors.mean() < 0.08 * between_eyes


def test_landmarks_follow_the_picture_size() -> None:
    rgb = frontal_face().pixels
    larger = np.asarray(cv2.resize(rgb, None, fx=2.5, fy=2.5, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    small, large = FINDER.frontal(rgb), FINDER.frontal(larger)
    assert small is not None
    assert large is not None
    assert np.abs(large.points / 2.5 - small.points).mean() < 4


def test_of_several_faces_the_largest_is_taken_and_all_are_counted() -> None:
    rgb = frontal_face().pixels
    height, width = rgb.shape[:2]
    smaller = np.zeros_like(rgb)
    shrunk = np.asarray(cv2.resize(rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    smaller[: height // 2, : width // 2] = shrunk
    found = FINDER.frontal(beside(smaller, rgb))
    assert found is not None
    assert found.count == 2
    assert found.box.x0 >= width


def test_nothing_is_found_where_there_is_no_face() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    for rgb in (noise, np.zeros_like(noise), np.full_like(noise, 200)):
        assert FINDER.frontal(rgb) is None
        assert FINDER.one_eye(rgb) is None
        assert FINDER.eyes(rgb) == ()


def test_one_eye_of_a_profile_is_found_with_the_cheek_in_view() -> None:
    face = profile_face()
    for rgb, flip in ((face.pixels, False), (np.ascontiguousarray(face.pixels[:, ::-1]), True)):
        eye = FINDER.one_eye(rgb)
        assert eye is not None
        skin = face.skin_mask[:, ::-1] if flip else face.skin_mask
        height, width = skin.shape
        reach = 2 * eye.box.width
        toward = Box(eye.box.x1, eye.box.y1, eye.box.x1 + reach, eye.box.y1 + reach)
        if eye.side is Side.RIGHT:
            toward = Box(eye.box.x0 - reach, eye.box.y1, eye.box.x0, eye.box.y1 + reach)
        box = toward.clipped(width, height)
        assert skin[box.y0 : box.y1, box.x0 : box.x1].mean() > 0.5


def test_a_missing_model_is_named() -> None:
    with pytest.raises(FaceModelMissing, match=r"nowhere\.dat"):
        FaceFinder(Path("/tmp/nowhere.dat")).frontal(frontal_face().pixels)


def test_published_mode_cuts_the_published_patches() -> None:
    if "GOLDFOLD_DATA" not in os.environ:
        pytest.skip("needs the published demonstration face; GOLDFOLD_DATA does not say where it is")
    folder = Path(os.environ["GOLDFOLD_DATA"]) / "faces" / "nestle_demo"
    (photo,) = (folder / "demo_images").glob("*.jpg")
    rgb = decode(photo.read_bytes())
    found = FaceFinder(published=True).frontal(rgb)
    assert found is not None
    cut = from_landmarks(found.points, rgb.shape[1], rgb.shape[0])
    suffixes = {Region.FOREHEAD: "fh", Region.LEFT_CHEEK: "lc", Region.RIGHT_CHEEK: "rc", Region.CHIN: "chin"}
    for patch in cut.patches:
        name = f"{photo.stem}_{suffixes.pop(patch.region)}.jpg"
        theirs = decode((folder / "demo_images_patches" / name).read_bytes())
        _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(rgb, theirs, cv2.TM_SQDIFF_NORMED))
        height, width = theirs.shape[:2]
        assert patch.box.iou(Box(x, y, x + width, y + height)) >= 0.98
    assert not suffixes
