from dataclasses import replace

import numpy as np
import pytest

from mlcore import backbones
from mlcore.extractor import Extractor, ExtractorMismatch, configure, roll
from mlcore.records import Box, Eye, Landmarks, Pixels, Region, Route
from mlcore.tests.pictures import finder, frontal_face, profile_face

CONFIG = configure(backbones.load("texture"))
EXTRACTOR = Extractor(CONFIG, finder=finder())


class NobodyThere:
    """A finder that finds nothing."""

    def frontal(self, rgb: Pixels, weakest: float = 0.0) -> Landmarks | None:
        return None

    def one_eye(self, rgb: Pixels) -> Eye | None:
        return None


class PointFace(NobodyThere):
    """A finder whose face is a single point, too small for any patch."""

    def frontal(self, rgb: Pixels, weakest: float = 0.0) -> Landmarks | None:
        return Landmarks(np.full((68, 2), 50.0), Box(49, 49, 51, 51), 1)


def test_a_frontal_face_is_aligned_with_its_four_regions_on_skin() -> None:
    face = frontal_face()
    located = EXTRACTOR.locate(face.pixels)
    assert located.route is Route.ALIGNED
    assert {patch.region for patch in located.patches} == set(Region)
    for patch in located.patches:
        box = patch.box
        assert face.skin_mask[box.y0 : box.y1, box.x0 : box.x1].mean() > 0.5
    vectors = EXTRACTOR.embed(face.pixels, located)
    assert [(vector.patch, vector.offset) for vector in vectors] == [(at, 0) for at in range(4)]


def test_a_profile_goes_by_one_eye() -> None:
    located = EXTRACTOR.locate(profile_face().pixels)
    assert located.route is Route.ONE_EYE
    assert {patch.region for patch in located.patches} & {Region.LEFT_CHEEK, Region.RIGHT_CHEEK}


def test_a_picture_without_a_face_is_refused_and_never_used_whole() -> None:
    rgb = np.full((200, 200, 3), 128, dtype=np.uint8)
    nobody = Extractor(CONFIG, finder=NobodyThere()).locate(rgb)
    assert (nobody.route, nobody.code, nobody.patches) == (Route.REFUSED, "no_face", ())
    tiny = Extractor(CONFIG, finder=PointFace()).locate(rgb)
    assert (tiny.route, tiny.code, tiny.patches) == (Route.REFUSED, "no_skin", ())
    assert nobody.reason
    assert EXTRACTOR.embed(rgb, nobody) == ()


def test_offsets_are_embedded_for_the_regions_that_want_them() -> None:
    rgb = frontal_face().pixels
    located = EXTRACTOR.locate(rgb)
    vectors = EXTRACTOR.embed(rgb, located, {Region.FOREHEAD: (0, 6), Region.CHIN: ()})
    regions = [(located.patches[vector.patch].region, vector.offset) for vector in vectors]
    assert regions == [
        (Region.FOREHEAD, 0),
        (Region.FOREHEAD, 6),
        (Region.LEFT_CHEEK, 0),
        (Region.RIGHT_CHEEK, 0),
    ]
    again = EXTRACTOR.embed_at(rgb, located.patches, [(0, 6)])
    assert np.array_equal(again[0].vector, vectors[1].vector)


def test_foreheads_roll_right_to_left_and_other_regions_bottom_up() -> None:
    square = np.arange(24 * 24, dtype=np.uint16).reshape(24, 24, 1).repeat(3, axis=2).astype(np.uint8)
    assert np.array_equal(roll(square, Region.FOREHEAD, 3)[:, 0], square[:, 6])
    assert np.array_equal(roll(square, Region.CHIN, 3)[0], square[6])
    assert np.array_equal(roll(square, Region.LEFT_CHEEK, 12), square)


def test_the_id_follows_whatever_changes_the_numbers() -> None:
    assert len(CONFIG.id) == 16
    assert configure(backbones.load("texture")).id == CONFIG.id
    others = {
        replace(CONFIG, backbone="resnet50").id,
        replace(CONFIG, weights_id="other").id,
        replace(CONFIG, input_size=64).id,
        replace(CONFIG, geometry="other").id,
        replace(CONFIG, precision="bfloat16").id,
    }
    assert len(others | {CONFIG.id}) == 6


def test_features_that_this_machine_can_not_make_are_refused() -> None:
    with pytest.raises(ExtractorMismatch, match="other"):
        Extractor(replace(CONFIG, weights_id="other"))
    with pytest.raises(ExtractorMismatch, match="geometry"):
        Extractor(replace(CONFIG, geometry="of long ago"))
