import cv2
import numpy as np
import pytest

from mlcore.locating import Locator
from mlcore.patches import PUBLISHED
from mlcore.records import Box, Eye, Landmarks, Located, Pixels, Region, Route
from mlcore.synthetic_records import Face
from mlcore.tests.pictures import faces, finder, frontal_face, profile_face

LOCATOR = Locator(finder())
SKIN = (180, 130, 97)


class NobodyThere:
    """A finder that finds nothing."""

    def frontal(self, rgb: Pixels, weakest: float = 0.0) -> Landmarks | None:
        return None

    def one_eye(self, rgb: Pixels) -> Eye | None:
        return None


class Guessing(NobodyThere):
    """A finder with one guess, and none in turned copies: landmarks are spread over the box."""

    def __init__(self, box: Box, confidence: float) -> None:
        self._box, self._confidence = box, confidence

    def frontal(self, rgb: Pixels, weakest: float = 0.0) -> Landmarks | None:
        if self._confidence < weakest or rgb.shape != (400, 400, 3):
            return None
        truth = frontal_face().landmarks
        low, span = truth.min(axis=0), np.ptp(truth, axis=0)
        points = (truth - low) / span * (self._box.width, self._box.height) + (self._box.x0, self._box.y0)
        return Landmarks(points, self._box, int(self._confidence > 0), self._confidence)


def on_skin(located: Located, mask: np.ndarray) -> list[float]:
    boxes = [patch.box for patch in located.patches if patch.region is not Region.FACE]
    return [float(mask[box.y0 : box.y1, box.x0 : box.x1].mean()) for box in boxes]


def regions(located: Located) -> list[Region]:
    return [patch.region for patch in located.patches]


def test_a_frontal_face_has_four_regions_on_skin_and_its_view_last() -> None:
    face = frontal_face()
    located = LOCATOR.locate(face.pixels)
    assert located.route is Route.ALIGNED
    assert regions(located) == [Region.FOREHEAD, Region.LEFT_CHEEK, Region.RIGHT_CHEEK, Region.CHIN, Region.FACE]
    assert min(on_skin(located, face.skin_mask)) > 0.5
    view = located.patches[-1].box
    inside = (face.landmarks > (view.x0, view.y0)) & (face.landmarks < (view.x1, view.y1))
    assert inside.all()
    assert abs(view.width - view.height) <= 1
    assert view.area < 0.8 * face.pixels.shape[0] * face.pixels.shape[1]
    assert located.eye_distance == pytest.approx(face.eye_distance, rel=0.1)


def test_the_published_geometry_keeps_its_slip_and_has_no_view() -> None:
    face = frontal_face()
    ours = {patch.region: patch.box for patch in LOCATOR.locate(face.pixels).patches}
    published = {patch.region: patch.box for patch in Locator(finder(), PUBLISHED).locate(face.pixels).patches}
    assert Region.FACE not in published
    assert published[Region.RIGHT_CHEEK].x1 < ours[Region.RIGHT_CHEEK].x1
    assert published[Region.LEFT_CHEEK] == ours[Region.LEFT_CHEEK]


@pytest.mark.parametrize("angle", [30, -30])
def test_a_tilted_face_is_aligned(angle: float) -> None:
    face = frontal_face()
    height, width = face.skin_mask.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 0.8)
    border = cv2.BORDER_REPLICATE
    located = LOCATOR.locate(
        np.asarray(cv2.warpAffine(face.pixels, turn, (width, height), borderMode=border), np.uint8)
    )
    mask = np.asarray(cv2.warpAffine(face.skin_mask.astype(np.uint8), turn, (width, height)))
    assert located.route is Route.ALIGNED
    assert min(on_skin(located, mask)) > 0.5


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_picture_that_lies_on_its_side_gives_the_patches_of_the_upright_one(quarters: int) -> None:
    face = frontal_face()
    located = LOCATOR.locate(np.ascontiguousarray(np.rot90(face.pixels, quarters)))
    assert located.route is Route.ALIGNED
    mask = np.rot90(face.skin_mask, quarters)
    assert min(on_skin(located, mask)) > 0.5
    upright = {patch.region: patch.box for patch in LOCATOR.locate(face.pixels).patches}
    for patch in located.patches[:-1]:
        canvas = np.zeros(mask.shape, dtype=np.uint8)
        canvas[patch.box.y0 : patch.box.y1, patch.box.x0 : patch.box.x1] = 1
        rows, columns = np.nonzero(np.rot90(canvas, -quarters))
        back = Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        assert back.iou(upright[patch.region]) > 0.7


@pytest.mark.parametrize("flip", [False, True])
def test_a_profile_has_patches_on_skin(flip: bool) -> None:
    face = profile_face()
    rgb, mask = face.pixels, face.skin_mask
    located = LOCATOR.locate(np.ascontiguousarray(rgb[:, ::-1]) if flip else rgb)
    assert located.route in (Route.ONE_EYE, Route.SKIN_ONLY)
    assert max(on_skin(located, mask[:, ::-1] if flip else mask)) > 0.75
    assert regions(located)[-1] is Region.FACE


def closeup(face: Face) -> Pixels:
    """A cheek alone, enlarged: no eye to be seen."""
    located = LOCATOR.locate(face.pixels)
    box = next(patch.box for patch in located.patches if patch.region is Region.LEFT_CHEEK)
    cheek = face.pixels[box.y0 : box.y1, box.x0 : box.x1 - box.width // 6]
    return np.asarray(cv2.resize(cheek, (400, 500), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def test_a_close_up_of_a_cheek_gives_patches_by_its_colour() -> None:
    located = LOCATOR.locate(closeup(frontal_face()))
    assert located.route is Route.SKIN_ONLY
    assert regions(located)[:2] == [Region.SKIN, Region.SKIN]
    assert regions(located)[-1] is Region.FACE


def test_without_face_or_skin_a_picture_is_refused_and_never_used_whole() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    grass = np.full_like(noise, (60, 120, 40))
    for rgb in (np.zeros_like(noise), np.full_like(noise, 128), np.full_like(noise, 255), grass):
        located = LOCATOR.locate(rgb)
        assert (located.route, located.code, located.patches) == (Route.REFUSED, "no_face", ())
        assert located.reason


def test_every_shape_of_picture_ends_in_a_result() -> None:
    for shape in ((1, 1, 3), (32, 32, 3), (5, 900, 3), (900, 5, 3)):
        for value in (0, SKIN):
            located = LOCATOR.locate(np.full(shape, value, dtype=np.uint8))
            assert located.patches or located.reason
            assert all(min(patch.box.width, patch.box.height) > 0 for patch in located.patches)


def test_of_several_faces_the_largest_is_taken_and_the_picture_flagged() -> None:
    rgb = frontal_face().pixels
    height, width = rgb.shape[:2]
    both = np.concatenate([np.zeros_like(rgb), rgb], axis=1)
    both[: height // 2, : width // 2] = cv2.resize(rgb, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    located = LOCATOR.locate(both)
    assert located.faces == 2
    assert all(patch.box.x0 >= width for patch in located.patches[:-1])


def skin_patch(left: int, right: int) -> Pixels:
    """A grey picture of 400 × 400 with skin between these columns."""
    rgb = np.full((400, 400, 3), 110, dtype=np.uint8)
    rgb[:, left:right] = SKIN
    return rgb


def test_a_guess_is_believed_where_it_is_large_and_skin() -> None:
    face = Box(60, 60, 340, 340)
    believed = Locator(Guessing(face, -0.2)).locate(skin_patch(50, 350))
    assert believed.route is Route.ALIGNED
    for unlikely, rgb in ((face, skin_patch(300, 400)), (Box(150, 150, 230, 230), skin_patch(50, 350))):
        assert Locator(Guessing(unlikely, -0.2)).locate(rgb).route is Route.SKIN_ONLY


def test_a_small_face_in_much_skin_needs_a_sure_detector() -> None:
    eye = Box(150, 150, 230, 230)
    rgb = skin_patch(0, 400)
    assert Locator(Guessing(eye, 0.2)).locate(rgb).eye_distance > 100
    assert Locator(Guessing(eye, 1.5)).locate(rgb).eye_distance < 60


def test_nobody_is_needed_for_a_result() -> None:
    located = Locator(NobodyThere()).locate(skin_patch(100, 350))
    assert located.route is Route.SKIN_ONLY
    assert all(patch.box.x0 >= 98 and patch.box.x1 <= 352 for patch in located.patches[:-1])


def test_an_unknown_geometry_is_refused_and_versions_differ() -> None:
    with pytest.raises(ValueError, match="long ago"):
        Locator(finder(), "of long ago")
    assert Locator(finder(), PUBLISHED).version != LOCATOR.version


def test_drawn_selfies_of_all_kinds_have_a_patch_on_skin() -> None:
    for face in faces():
        located = LOCATOR.locate(face.pixels)
        assert max(on_skin(located, face.skin_mask)) > 0.75, face.subject
