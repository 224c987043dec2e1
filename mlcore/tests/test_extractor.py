from dataclasses import replace

import numpy as np
import pytest

from mlcore import backbones
from mlcore.extractor import Extractor, ExtractorConfig, ExtractorMismatch, Squares, configure, roll
from mlcore.patches import PUBLISHED
from mlcore.records import Box, Patch, Pixels, Region, Route, Vectors
from mlcore.tests.pictures import finder, frontal_face, scene

CONFIG = configure(backbones.load("texture"))
EXTRACTOR = Extractor(CONFIG, finder=finder())
CUT = (
    Patch(Region.FOREHEAD, Box(10, 0, 70, 30)),
    Patch(Region.CHIN, Box(40, 60, 100, 110)),
    Patch(Region.FACE, Box(0, 0, 120, 120)),
)


class Looker:
    """A backbone that says how large its inputs are, and what their left half and right half look like."""

    name, weights_id, dim, blocks = "looker", "1", 3, (1, 2)
    input_size, face_size, pooling, precision, feels_rolls = 24, 48, "stages", "float32", True

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def embed(self, batch: Pixels) -> Vectors:
        self.batches.append(batch.shape)
        half = batch.shape[2] // 2
        return np.array([(one.shape[0], one[:, :half].mean(), one[:, half:].mean()) for one in batch], np.float32)


@pytest.fixture
def looker() -> Looker:
    return Looker()


@pytest.fixture
def extractor(looker: Looker) -> Extractor:
    return Extractor(configure(looker), backbone=looker, finder=finder())


def test_a_frontal_face_is_found_and_each_of_its_patches_embedded() -> None:
    face = frontal_face()
    located = EXTRACTOR.locate(face.pixels)
    assert located.route is Route.ALIGNED
    vectors = EXTRACTOR.embed_at(face.pixels, located.patches, EXTRACTOR.pairs(located.patches, (0,)))
    skin = [patch.region for patch in located.patches if patch.region is not Region.FACE]
    assert len(skin) >= 3
    assert [(vector.region, vector.offset) for vector in vectors] == [(region, 0) for region in skin]
    assert EXTRACTOR.embed_at(face.pixels, (), ()) == ()


def test_patches_and_the_face_have_inputs_of_their_own_size(extractor: Extractor, looker: Looker) -> None:
    rgb = scene(160, 120)
    vectors = extractor.embed_at(rgb, CUT, [(2, 0), (0, 0), (1, 0), (1, 6)])
    assert sorted(looker.batches) == [(1, 48, 48, 3), (3, 24, 24, 3)]
    assert [(one.patch, one.offset, one.region) for one in vectors] == [
        (2, 0, Region.FACE),
        (0, 0, Region.FOREHEAD),
        (1, 0, Region.CHIN),
        (1, 6, Region.CHIN),
    ]
    assert [one.vector[0] for one in vectors] == [48, 24, 24, 24]


def test_a_face_is_mirrored_but_never_rolled(extractor: Extractor) -> None:
    wanted = range(24)
    pairs = extractor.pairs(CUT, wanted)
    assert [offset for at, offset in pairs if at == 2] == [0, 12]
    assert [offset for at, offset in pairs if at == 0] == list(wanted)
    seen, mirrored = extractor.embed_at(scene(160, 120), CUT, [(2, 0), (2, 3), (2, 12)])
    assert mirrored.offset == 12
    assert np.allclose(seen.vector, mirrored.vector[[0, 2, 1]])
    assert seen.vector[1] != pytest.approx(seen.vector[2], abs=1)


def test_a_backbone_without_a_face_size_does_not_look_at_the_face() -> None:
    assert EXTRACTOR.pairs(CUT, (0, 12)) == [(0, 0), (0, 12), (1, 0), (1, 12)]
    assert [one.patch for one in EXTRACTOR.embed_at(scene(160, 120), CUT, [(0, 0), (2, 0)])] == [0]


def test_several_pictures_are_embedded_together_as_each_by_itself(extractor: Extractor, looker: Looker) -> None:
    pictures = [scene(160, 120, seed) for seed in range(3)]
    wanted = [[(0, 0), (2, 0)], [], [(1, 0), (1, 3), (2, 12)]]
    alone = [extractor.embed_at(rgb, CUT, pairs) for rgb, pairs in zip(pictures, wanted, strict=True)]
    looker.batches.clear()
    prepared = [extractor.prepare(rgb, CUT, pairs) for rgb, pairs in zip(pictures, wanted, strict=True)]
    together = extractor.embed_prepared(prepared)
    assert len(looker.batches) == 2
    for one, other in zip(alone, together, strict=True):
        assert [(v.patch, v.offset, v.region) for v in one] == [(v.patch, v.offset, v.region) for v in other]
        assert all(np.array_equal(a.vector, b.vector) for a, b in zip(one, other, strict=True))


def test_foreheads_roll_right_to_left_and_other_regions_bottom_up() -> None:
    square = np.arange(24 * 24, dtype=np.uint16).reshape(24, 24, 1).repeat(3, axis=2).astype(np.uint8)
    assert np.array_equal(roll(square, Region.FOREHEAD, 3)[:, 0], square[:, 6])
    assert np.array_equal(roll(square, Region.CHIN, 3)[0], square[6])
    mirrored = square[:, ::-1]
    assert np.array_equal(roll(square, Region.LEFT_CHEEK, 12), mirrored)
    assert np.array_equal(roll(square, Region.FOREHEAD, 15)[:, 0], mirrored[:, 6])


def test_the_id_follows_whatever_changes_the_numbers() -> None:
    assert len(CONFIG.id) == 16
    assert configure(backbones.load("texture")).id == CONFIG.id
    others = {
        replace(CONFIG, backbone="resnet50").id,
        replace(CONFIG, weights_id="other").id,
        replace(CONFIG, input_size=64).id,
        replace(CONFIG, face_size=448).id,
        replace(CONFIG, pooling="stages").id,
        replace(CONFIG, geometry=PUBLISHED).id,
        replace(CONFIG, detector="other").id,
        replace(CONFIG, precision="bfloat16").id,
    }
    assert len(others | {CONFIG.id}) == 9


def test_a_configuration_survives_json_and_says_how_long_its_vectors_are(looker: Looker) -> None:
    config = configure(looker)
    fields = {name: getattr(config, name) for name in config.__slots__}
    again = ExtractorConfig.from_json({**fields, "blocks": list(config.blocks)})
    assert (again, again.id, again.dim) == (config, config.id, 3)
    with pytest.raises(ExtractorMismatch, match="unreadable"):
        ExtractorConfig.from_json({"backbone": "texture"})


def test_features_that_this_machine_can_not_make_are_refused() -> None:
    with pytest.raises(ExtractorMismatch, match="other"):
        Extractor(replace(CONFIG, weights_id="other"))
    with pytest.raises(ExtractorMismatch, match="geometry"):
        Extractor(replace(CONFIG, geometry="of long ago"))


def test_a_square_that_is_known_is_not_cut_again() -> None:
    rgb = scene(160, 120)
    known: Squares = {}
    first = EXTRACTOR.prepare(rgb, CUT, [(0, 0)], known)
    again = EXTRACTOR.prepare(rgb, CUT, [(0, 0), (1, 0)], known)
    assert again.squares[0] is first.squares[0]
    assert set(known) == {(CUT[0], EXTRACTOR.config.input_size), (CUT[1], EXTRACTOR.config.input_size)}
    plain = EXTRACTOR.embed_at(rgb, CUT, [(0, 0), (1, 0)])
    kept = EXTRACTOR.embed_at(rgb, CUT, [(0, 0), (1, 0)], known)
    assert all(np.array_equal(one.vector, other.vector) for one, other in zip(plain, kept, strict=True))
