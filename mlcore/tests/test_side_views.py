import cv2
import numpy as np

from mlcore.records import Box, Side
from mlcore.side_views import SideViews
from mlcore.skin import Skin, find_skin
from mlcore.synthetic import CohortConfig, Face, cohort, draw_face
from mlcore.tests.pictures import profile_face

VIEWS = SideViews()


def profiles() -> list[Face]:
    config = CohortConfig(size=6, seed=3, confounders=0.2, profile_share=1.0)
    return [draw_face(subject, config) for subject in cohort(config)]


def test_the_eye_of_a_profile_is_found_and_the_cheek_on_its_side() -> None:
    right = 0
    for face in profiles():
        skin = find_skin(face.pixels)
        eye = VIEWS.eye(face.pixels, skin, VIEWS.profile(face.pixels, skin))
        if eye is None:
            continue
        x, y = (eye.box.x0 + eye.box.x1) / 2, (eye.box.y0 + eye.box.y1) / 2
        at_an_eye = any(box.enlarged(1.0).holds(x, y) for box in face.eye_boxes)
        # Turned to the picture's right, a face shows its right side.
        right += at_an_eye and eye.side is (Side.RIGHT if face.subject.yaw > 0 else Side.LEFT)
    assert right >= 4


def test_a_mirrored_profile_shows_the_other_side() -> None:
    face = profile_face()
    sides = []
    for rgb in (face.pixels, np.ascontiguousarray(face.pixels[:, ::-1])):
        eye = VIEWS.eye(rgb, find_skin(rgb), None)
        assert eye is not None
        sides.append(eye.side)
    assert set(sides) == {Side.LEFT, Side.RIGHT}


def test_an_eye_without_a_cheek_of_skin_is_not_believed() -> None:
    face = profile_face()
    nothing = Skin(np.zeros((64, 48), dtype=np.bool_), 0.1)
    assert VIEWS.eye(face.pixels, nothing, None) is None
    assert VIEWS.profile(face.pixels, nothing) is None


def test_a_red_eye_shaped_spot_is_taken_for_no_eye() -> None:
    """The drawn eye in the colours of a lesion: what the cascade finds, the colours deny."""
    face = profile_face()
    skin = find_skin(face.pixels)
    eye = VIEWS.eye(face.pixels, skin, None)
    assert eye is not None
    box = Box(eye.box.x0, eye.box.y0, eye.box.x1, eye.box.y1)
    reddened = face.pixels.copy()
    inside = reddened[box.y0 : box.y1, box.x0 : box.x1]
    grey = np.asarray(cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY), dtype=np.float64)
    reddened[box.y0 : box.y1, box.x0 : box.x1] = np.clip(grey[..., None] * (1.6, 0.75, 0.75), 0, 255)
    found = VIEWS.eye(reddened, skin, None)
    assert found is None or found.box.iou(box) < 0.3
