import numpy as np
import pytest

from mlcore.patches import GOLDFOLD, MIN_PATCH_SIDE, eye_distance, face_view, from_eye, from_landmarks, square
from mlcore.records import Box, Eye, Region, Side


def upright_face() -> np.ndarray:
    """Landmarks on round numbers: the face's box is x 100–300, y 180–400."""
    points = np.full((68, 2), 250.0)
    points[:17] = np.stack([np.linspace(100, 300, 17), 250 + 150 * np.sin(np.linspace(0, np.pi, 17))], axis=1)
    points[17:27] = np.stack([np.linspace(120, 280, 10), np.full(10, 180.0)], axis=1)
    points[36:42] = [(130, 210), (140, 205), (150, 205), (160, 210), (150, 215), (140, 215)]
    points[42:48] = [(240, 210), (250, 205), (260, 205), (270, 210), (260, 215), (250, 215)]
    points[48:68] = np.stack([np.linspace(170, 230, 20), np.full(20, 330.0)], axis=1)
    points[60] = (200, 340)
    return points


def test_patches_lie_where_the_publication_put_them() -> None:
    cut = from_landmarks(upright_face(), 1000, 1000)
    boxes = {patch.region: patch.box for patch in cut.patches}
    assert cut.dropped == ()
    assert boxes[Region.FOREHEAD] == Box(120, 180 - 66, 280, 180)
    assert boxes[Region.CHIN] == Box(160, 340, 240, 400)
    # Rows of both cheeks: 215 + 0.2 × 10, and 400 - 0.1 × (400 - 215).
    assert boxes[Region.LEFT_CHEEK] == Box(240, 217, 297, 381)
    assert boxes[Region.RIGHT_CHEEK] == Box(104, 217, 140, 381)


def test_our_right_cheek_ends_under_the_inner_corner_of_its_eye() -> None:
    boxes = {patch.region: patch.box for patch in from_landmarks(upright_face(), 1000, 1000, GOLDFOLD).patches}
    assert boxes[Region.RIGHT_CHEEK] == Box(int(100 + 0.1 * (160 - 100)), 217, 160, 381)
    assert boxes[Region.LEFT_CHEEK] == Box(240, 217, 297, 381)


def test_the_view_of_a_face_is_a_square_with_forehead_and_chin_inside_the_picture() -> None:
    view = face_view(upright_face(), 1000, 1000)
    assert view.width == view.height == round(1.3 * 220)
    assert (view.x0 + view.x1) / 2 == pytest.approx(200, abs=1)
    assert view.y0 == pytest.approx(180 - 0.25 * 220, abs=1)
    assert view.y1 > 400
    cut_off = face_view(upright_face(), 1000, 390)
    assert (cut_off.y0, cut_off.y1) == (104, 390)
    assert cut_off.width == cut_off.height
    assert square(10, 10, 500, 300, 400) == Box(0, 0, 300, 400)


def test_the_eyes_of_a_turned_face_are_taken_as_far_apart_as_seen_from_the_front() -> None:
    assert eye_distance(upright_face()) == pytest.approx(110)
    turned = upright_face() * (0.4, 1)
    assert eye_distance(turned) == pytest.approx(0.425 * 220)


@pytest.mark.parametrize(("eye", "hidden"), [(slice(36, 42), "RIGHT"), (slice(42, 48), "LEFT")])
def test_a_cheek_that_is_turned_away_is_left_out(eye: slice, hidden: str) -> None:
    points = upright_face()
    centre = points[eye, 0].mean()
    points[eye, 0] = centre + 0.85 * (points[eye, 0] - centre)
    cut = from_landmarks(points, 1000, 1000)
    assert [dropped.region.name for dropped in cut.dropped] == [f"{hidden}_CHEEK"]
    assert "turned away" in cut.dropped[0].reason
    assert len(cut.patches) == 3


def test_patches_are_clipped_and_those_outside_dropped_with_a_reason() -> None:
    cut = from_landmarks(upright_face() - (0, 175), 1000, 1000)
    assert [dropped.region for dropped in cut.dropped] == [Region.FOREHEAD]
    assert str(MIN_PATCH_SIDE) in cut.dropped[0].reason
    narrow = from_landmarks(upright_face(), 260, 300)
    assert all(patch.box.x1 <= 260 and patch.box.y1 <= 300 for patch in narrow.patches)
    assert Region.CHIN in {dropped.region for dropped in narrow.dropped}


def test_other_landmark_models_are_refused() -> None:
    with pytest.raises(ValueError, match="68"):
        from_landmarks(np.zeros((5, 2)), 100, 100)


def test_one_eye_gives_forehead_and_the_cheek_in_view() -> None:
    left = from_eye(Eye(Box(400, 300, 500, 400), Side.LEFT), 1000, 1000)
    assert [(patch.region, patch.box) for patch in left.patches] == [
        (Region.FOREHEAD, Box(400, 150, 550, 250)),
        (Region.LEFT_CHEEK, Box(450, 400, 730, 750)),
    ]
    right = from_eye(Eye(Box(400, 300, 500, 400), Side.RIGHT), 1000, 1000)
    assert [(patch.region, patch.box) for patch in right.patches] == [
        (Region.FOREHEAD, Box(350, 150, 500, 250)),
        (Region.RIGHT_CHEEK, Box(170, 400, 450, 750)),
    ]


def test_one_eye_at_the_top_edge_has_no_forehead() -> None:
    cut = from_eye(Eye(Box(400, 90, 500, 190), Side.LEFT), 1000, 1000)
    assert [patch.region for patch in cut.patches] == [Region.LEFT_CHEEK]
    assert cut.dropped[0].region is Region.FOREHEAD
