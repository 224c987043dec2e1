import numpy as np
import pytest

from mlcore.records import Cut, Landmarks, Patch, Pixels, Region
from mlcore.tests.pictures import finder, frontal_face
from mlcore.turning import TurnedFace, find_turned


class OnlyMirrored:
    """A finder that sees the face in mirrored pictures only: whose left half is the darker one."""

    def frontal(self, rgb: Pixels, weakest: float = 0.0) -> Landmarks | None:
        half = rgb.shape[1] // 2
        return finder().frontal(rgb) if rgb[:, :half].mean() < rgb[:, half:].mean() else None

    def one_eye(self, rgb: Pixels) -> None:
        return None


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_landmarks_of_a_turned_picture_are_those_of_the_upright_one(quarters: int) -> None:
    face = frontal_face()
    height, width = face.skin_mask.shape
    rgb = np.ascontiguousarray(np.rot90(face.pixels, quarters))
    found = find_turned(finder(), rgb)
    assert found is not None
    x, y = face.landmarks.T
    turned = {1: (y, width - 1 - x), 2: (width - 1 - x, height - 1 - y), 3: (height - 1 - y, x)}[quarters]
    errors = np.hypot(*(found.points - np.stack(turned, axis=1)).T)
    assert errors.mean() < 0.08 * face.eye_distance


def test_in_a_mirrored_copy_left_is_right() -> None:
    face = frontal_face()
    height, width = face.skin_mask.shape
    shaded = (face.pixels * np.linspace(1.0, 0.6, width)[None, :, None]).astype(np.uint8)
    found = find_turned(OnlyMirrored(), shaded)
    assert found is not None
    cheek = Patch(Region.LEFT_CHEEK, found.landmarks.box)
    cut = found.in_picture(Cut((cheek,), ()), width, height)
    assert [patch.region for patch in cut.patches] == [Region.RIGHT_CHEEK]


def test_where_there_is_no_face_turning_finds_none() -> None:
    found: TurnedFace | None = find_turned(finder(), np.full((200, 300, 3), 128, dtype=np.uint8))
    assert found is None
