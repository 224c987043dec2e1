"""Whatever is sent ends in a score or in a typed refusal with its reason, and no number is ever NaN."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mlcore.artifact import Artifact
from mlcore.ensemble import Ensemble, Part
from mlcore.records import PatchVector, Route
from mlcore.scorer import Score, Scorer
from mlcore.tests import bad_pictures
from mlcore.tests.models import small_artifact
from mlcore.tests.pictures import encoded, finder, frontal_face
from mlcore.views import ViewScore


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(small_artifact(), finder=finder())


def assert_sound(score: Score) -> None:
    """Typed and finite, whether it was scored or refused."""
    if score.severity is None:
        assert score.route is Route.REFUSED
        assert score.patches == ()
        assert score.code
        assert score.reason.endswith(".")
        return
    assert score.route is not Route.REFUSED
    assert 1.0 <= score.severity <= 5.0
    assert score.patches
    assert all(math.isfinite(patch.score) and 0 <= patch.weight <= 1 for patch in score.patches)
    assert sum(patch.weight for patch in score.patches) == pytest.approx(1.0)
    for patch in score.patches:
        assert 0 <= patch.box.x0 < patch.box.x1 <= score.width
        assert 0 <= patch.box.y0 < patch.box.y1 <= score.height


@pytest.mark.parametrize(("make", "code"), bad_pictures.REFUSED.values(), ids=bad_pictures.REFUSED.keys())
def test_what_can_not_be_used_is_refused_with_its_reason(scorer: Scorer, make: Callable[[], bytes], code: str) -> None:
    score = scorer.score(make())
    assert_sound(score)
    assert (score.severity, score.code) == (None, code)


@pytest.mark.parametrize("make", bad_pictures.ODD.values(), ids=bad_pictures.ODD.keys())
def test_a_face_in_an_odd_file_is_scored(scorer: Scorer, make: Callable[[], bytes]) -> None:
    score = scorer.score(make())
    assert_sound(score)
    assert score.route is Route.ALIGNED
    plain = scorer.score(encoded(frontal_face().pixels, "JPEG"))
    assert (score.width, score.height) == (plain.width, plain.height)


def test_in_a_turned_file_the_same_skin_is_found_as_in_the_upright_one(scorer: Scorer) -> None:
    turned, upright = (scorer.score(data) for data in (bad_pictures.turned(), encoded(frontal_face().pixels)))
    assert turned.severity is not None
    assert [patch.region for patch in turned.patches] == [patch.region for patch in upright.patches]
    for one, other in zip(turned.patches, upright.patches, strict=True):
        assert one.box.iou(other.box) > 0.9


def test_of_ten_faces_the_largest_is_scored_and_the_others_are_told(scorer: Scorer) -> None:
    score = scorer.score(bad_pictures.ten_faces())
    assert_sound(score)
    assert score.code == "several_faces"
    assert "the largest was scored" in score.reason
    # The large face stands in the upper right third.
    assert all(patch.box.x0 >= score.width * 2 // 3 - 2 for patch in score.patches)


def test_a_blurred_face_is_scored_with_a_warning_that_gives_figure_and_limit(scorer: Scorer) -> None:
    blurred = cv2.GaussianBlur(frontal_face().pixels, (0, 0), 4)
    score = scorer.score(encoded(np.asarray(blurred, np.uint8)))
    assert_sound(score)
    assert score.severity is not None
    assert score.code == "blur"
    assert "asked: at least 4" in score.reason
    assert scorer.score(encoded(frontal_face().pixels)).code == ""


def test_scrambled_bytes_end_in_a_score_or_a_refusal(scorer: Scorer) -> None:
    assert_sound(scorer.score(bad_pictures.scrambled()))
    whole = np.frombuffer(encoded(frontal_face().pixels, "JPEG"), np.uint8)
    draw = np.random.default_rng(2)
    for _ in range(5):
        broken = whole.copy()
        broken[draw.integers(20, len(broken), 30)] = draw.integers(0, 256, 30, dtype=np.uint8)
        assert_sound(scorer.score(broken.tobytes()))


class Lost:
    """A model that answers with no number."""

    kind = "lost"
    offsets = (0,)

    def score(self, vectors: Sequence[PatchVector]) -> tuple[ViewScore, ...]:
        return (ViewScore(vectors[0].patch, math.nan, 1.0),)

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        return {}

    def to_json(self) -> dict[str, Any]:
        return {}


def test_an_answer_that_is_no_number_never_leaves(scorer: Scorer) -> None:
    sound = scorer.artifact.ensemble
    broken = Ensemble([Part(sound.extractors[0], Lost(), 1.0)], sound.levels, sound.target_mean)
    score = Scorer(Artifact(broken, "f" * 64), finder=finder()).score(encoded(frontal_face().pixels, "JPEG"))
    assert_sound(score)
    assert (score.severity, score.code) == (None, "not_finite")
