from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mlcore import kernel, ridge
from mlcore.kernel import Kernel, KernelConfig
from mlcore.records import PatchVector, Region
from mlcore.views import combined

CONFIG = KernelConfig(offsets=(0,), waves=256)
REGIONS = (Region.CHIN, Region.FOREHEAD, Region.FACE)
Image = tuple[PatchVector, ...]


def image(rows: np.ndarray) -> Image:
    """Two patches and a face."""
    return tuple(PatchVector(at, 0, row, REGIONS[at]) for at, row in enumerate(rows.astype(np.float32)))


def task(n: int = 300, seed: int = 0, dim: int = 3) -> tuple[list[Image], np.ndarray, np.ndarray]:
    """A severity that bends with what each patch shows, and the face: no straight line finds it."""
    draw = np.random.default_rng(seed)
    x = draw.normal(2, 1, (n, 3, dim))
    y = np.abs(x[:, :2, 0] - 2).mean(axis=1) + 0.5 * np.abs(x[:, 2, 1] - 2) + draw.normal(0, 0.05, n)
    return [image(rows) for rows in x], y, np.arange(n) % 5


def predicted(model: Kernel, images: Sequence[Sequence[PatchVector]]) -> np.ndarray:
    return np.array([combined(model.score(one)) for one in images])


def rmse(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2)))


def test_it_finds_what_bends_where_a_linear_model_finds_nothing() -> None:
    images, y, fold_of = task()
    fit = kernel.fit(images, y, np.ones(300), fold_of, config=replace(CONFIG, bend=0.5))
    straight = ridge.fit(images, y, np.ones(300), fold_of)
    fresh, truth, _ = task(100, seed=1)
    assert rmse(fit.out_of_fold, y) < 0.6 * rmse(straight.out_of_fold, y)
    assert rmse(predicted(fit.model, fresh), truth) < 0.6 * rmse(straight.out_of_fold, y)


def test_its_waves_come_to_the_gaussian_kernel() -> None:
    """The predictions are those of a regression with the exact kernel between the standardised vectors."""
    draw = np.random.default_rng(4)
    x = draw.normal(1, 2, (60, 5))
    y = np.sin(x[:, 0]) + x[:, 1]
    faces = [image(rows[None].repeat(3, axis=0))[2:] for rows in x]
    config = KernelConfig(penalties=(0.1,), offsets=(0,), bend=0.3, waves=40_000)
    fit = kernel.fit(faces, y, np.ones(60), np.arange(60) % 4, config=config)
    standard = (x - x.mean(axis=0)) / x.std(axis=0)
    apart = ((standard[:, None] - standard[None]) ** 2).sum(axis=-1)
    gram = np.exp(-0.3 * apart / np.median(apart[np.triu_indices(60, 1)]))
    centred = gram - gram.mean(axis=0) - gram.mean(axis=1)[:, None] + gram.mean()
    expected = centred @ np.linalg.solve(centred + 0.1 * np.eye(60), y - y.mean()) + y.mean()
    assert predicted(fit.model, faces) == pytest.approx(expected, abs=0.03)
    assert np.ptp(expected) > 2


def test_out_of_fold_is_what_a_fit_without_the_fold_says() -> None:
    """Changing one fold's severities changes nothing that is predicted of it."""
    images, y, fold_of = task()
    own = kernel.fit(images, y, np.ones(300), fold_of, config=CONFIG).out_of_fold
    changed = np.where(fold_of == 2, 9 - 3 * y, y)
    other = kernel.fit(images, changed, np.ones(300), fold_of, config=CONFIG).out_of_fold
    assert np.array_equal(own[fold_of == 2], other[fold_of == 2])
    assert not np.allclose(own[fold_of == 1], other[fold_of == 1])


def test_an_image_says_the_mean_of_its_patches_and_of_its_kinds_of_view() -> None:
    images, y, fold_of = task()
    model = kernel.fit(images, y, np.ones(300), fold_of, config=CONFIG).model
    chin, forehead, face = (score.score for score in model.score(images[0]))
    assert [score.weight for score in model.score(images[0])] == [0.25, 0.25, 0.5]
    # Alone, a kind of view speaks for the whole.
    (only,) = model.score(images[0][:1])
    assert (only.patch, only.weight) == (0, 1.0)
    middle = y.mean()
    assert only.score - middle == pytest.approx((chin - middle) / 2, abs=1e-5)
    assert combined(model.score(images[0])) == pytest.approx((chin + forehead) / 4 + face / 2)


def test_the_fit_and_the_score_see_the_same() -> None:
    """With next to no penalty the model says of its training images what they were graded."""
    images, y, fold_of = task(40)
    fit = kernel.fit(images, y, np.ones(40), fold_of, config=replace(CONFIG, penalties=(1e-7,), bend=2.0))
    assert predicted(fit.model, images) == pytest.approx(y, abs=0.02)


def test_a_kind_of_view_never_seen_is_not_looked_at_and_a_picture_unlike_all_others_stays_tame() -> None:
    images, y, fold_of = task()
    patches = kernel.fit([one[:2] for one in images], y, np.ones(300), fold_of, config=CONFIG).model
    assert [score.patch for score in patches.score(images[0])] == [0, 1]
    assert patches.score(images[0][2:]) == ()
    wild = image(np.full((3, 3), 1e9))
    assert y.min() - 3 < combined(patches.score(wild)) < y.max() + 3


def test_blocks_weigh_alike_whatever_their_length() -> None:
    """A block of two that tells all is not drowned by one of two hundred that tells nothing."""
    draw = np.random.default_rng(3)
    told = draw.normal(0, 1, (200, 2))
    x = np.concatenate([told, draw.normal(0, 1, (200, 200))], axis=1)
    faces = [image(rows[None].repeat(3, axis=0))[2:] for rows in x]
    y, fold_of = told[:, 0], np.arange(200) % 5
    alike, drowned = (
        kernel.fit(faces, y, np.ones(200), fold_of, blocks, CONFIG).out_of_fold for blocks in ((2, 200), ())
    )
    assert rmse(alike, y) < 0.7 * rmse(drowned, y)


def test_tensors_rebuild_the_same_model_bit_for_bit() -> None:
    images, y, fold_of = task()
    model = kernel.fit(images, y, np.ones(300), fold_of, config=CONFIG).model
    again = Kernel(KernelConfig.from_json(model.to_json()), model.tensors())
    assert [again.score(one) for one in images[:20]] == [model.score(one) for one in images[:20]]
    assert not any(name.endswith("middle") for name in model.tensors())


def test_a_model_holds_no_vector_of_a_training_image() -> None:
    images, y, fold_of = task()
    tensors = kernel.fit(images, y, np.ones(300), fold_of, config=CONFIG).model.tensors()
    # As many numbers as before, however many images there are.
    fewer = kernel.fit(images[:100], y[:100], np.ones(100), fold_of[:100], config=CONFIG).model.tensors()
    assert {name: value.shape for name, value in tensors.items()} == {name: v.shape for name, v in fewer.items()}


def test_nonsense_is_refused() -> None:
    images, y, fold_of = task(20)
    ones = np.ones(20)
    with pytest.raises(ValueError, match="one view"):
        kernel.fit([(), *images[1:]], y, ones, fold_of)
    with pytest.raises(ValueError, match="one length"):
        kernel.fit(images, y[1:], ones, fold_of)
    with pytest.raises(ValueError, match="blocks"):
        kernel.fit(images, y, ones, fold_of, (2, 2))
    endless = image(np.full((3, 3), np.inf))
    with pytest.raises(ValueError, match="finite"):
        kernel.fit([endless, *images[1:]], y, ones, fold_of)
    model = kernel.fit(images, y, ones, fold_of, config=CONFIG).model
    with pytest.raises(ValueError, match="length 3"):
        model.score(image(np.zeros((3, 4))))
    tensors = model.tensors()
    with pytest.raises(ValueError, match="fit together"):
        Kernel(CONFIG, {**tensors, "face.waves": tensors["face.waves"][:, 1:]})
    with pytest.raises(ValueError, match="any view"):
        Kernel(CONFIG, {"intercept": tensors["intercept"]})
