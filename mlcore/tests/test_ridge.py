from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mlcore import ridge
from mlcore.records import PatchVector, Region
from mlcore.ridge import Ridge, RidgeConfig
from mlcore.views import combined

PLAIN = RidgeConfig(offsets=(0,))


def face(*row: float) -> tuple[PatchVector, ...]:
    return (PatchVector(0, 0, np.array(row, dtype=np.float32), Region.FACE),)


def task(n: int = 200, dim: int = 6, seed: int = 0) -> tuple[list[tuple[PatchVector, ...]], np.ndarray, np.ndarray]:
    """Images of two patches and a face; the severity is in the patches' mean and in the face."""
    draw = np.random.default_rng(seed)
    x = draw.normal(2, 1, (n, 3, dim)).astype(np.float32)
    regions = (Region.CHIN, Region.FOREHEAD, Region.FACE)
    images = [tuple(PatchVector(at, 0, row, regions[at]) for at, row in enumerate(rows)) for rows in x]
    y = x[:, :2, 0].mean(axis=1) + 0.5 * x[:, 2, 1] + draw.normal(0, 0.1, n)
    return images, y.astype(np.float64), np.arange(n) % 5


def predicted(model: Ridge, images: Sequence[Sequence[PatchVector]]) -> np.ndarray:
    return np.array([combined(model.score(image)) for image in images])


def test_it_learns_from_the_face_and_from_the_mean_over_patches() -> None:
    images, y, fold_of = task()
    fit = ridge.fit(images, y, np.ones(200), fold_of, config=PLAIN)
    fresh, truth, _ = task(100, seed=1)
    assert np.sqrt(np.mean((fit.out_of_fold - y) ** 2)) < 0.15 < 0.8 < y.std()
    assert np.sqrt(np.mean((predicted(fit.model, fresh) - truth) ** 2)) < 0.15


@pytest.mark.parametrize("dim", [4, 60])
def test_both_forms_solve_the_same_equations(dim: int) -> None:
    """Against the weighted normal equations written out, with more images than features and with fewer."""
    draw = np.random.default_rng(dim)
    x = draw.normal(3, 2, (40, dim)).astype(np.float32)
    y, w = draw.normal(2, 1, 40), draw.uniform(0.5, 2, 40)
    config = RidgeConfig(penalties=(0.1,), offsets=(0,))
    fit = ridge.fit([face(*row) for row in x], y, w, np.arange(40) % 4, config=config)
    weights = w / w.mean()
    phi = (x - x.mean(axis=0)) / x.std(axis=0) / np.sqrt(dim)
    middle = np.average(y, weights=weights)
    left = (phi.T * weights) @ phi + 0.1 * np.eye(dim)
    beta = np.linalg.solve(left, phi.T @ (weights * (y - middle)))
    expected = phi @ beta + middle
    assert predicted(fit.model, [face(*row) for row in x]) == pytest.approx(expected, abs=1e-4)


def test_out_of_fold_is_what_a_fit_without_the_fold_says() -> None:
    """Changing one fold's severities changes nothing that is predicted of it."""
    images, y, fold_of = task()
    own = ridge.fit(images, y, np.ones(200), fold_of, config=PLAIN).out_of_fold
    changed = np.where(fold_of == 2, 9 - 3 * y, y)
    other = ridge.fit(images, changed, np.ones(200), fold_of, config=PLAIN).out_of_fold
    assert np.array_equal(own[fold_of == 2], other[fold_of == 2])
    assert not np.allclose(own[fold_of == 1], other[fold_of == 1])


def test_folds_may_have_any_numbers() -> None:
    images, y, fold_of = task()
    fits = [ridge.fit(images, y, np.ones(200), folds, config=PLAIN) for folds in (fold_of % 2, fold_of % 2 * 4)]
    assert np.array_equal(fits[0].out_of_fold, fits[1].out_of_fold)


def test_the_penalty_follows_the_noise() -> None:
    draw = np.random.default_rng(1)
    x = draw.normal(0, 1, (120, 80)).astype(np.float32)
    clear, noisy = x[:, :40].sum(axis=1).astype(float), 0.5 * x[:, 0] + draw.normal(0, 3, 120)
    fits = [ridge.fit([face(*row) for row in x], y, np.ones(120), np.arange(120) % 5) for y in (clear, noisy)]
    assert fits[0].penalty < fits[1].penalty


def test_blocks_weigh_alike_whatever_their_length() -> None:
    """Two stages say the same, one in 1 number and one in 400 noisy ones; as one vector, the long one drowns it."""
    draw = np.random.default_rng(2)
    y = draw.normal(3, 1, 100)
    x = np.concatenate([y[:, None], draw.normal(0, 1, (100, 400))], axis=1).astype(np.float32)
    errors = []
    for blocks in ((), (1, 400)):
        fit = ridge.fit([face(*row) for row in x], y, np.ones(100), np.arange(100) % 5, blocks)
        errors.append(float(np.sqrt(np.mean((fit.out_of_fold - y) ** 2))))
    assert errors[1] < 0.4 < 0.7 < errors[0]
    with pytest.raises(ValueError, match="blocks of 400"):
        ridge.fit([face(*row) for row in x], y, np.ones(100), np.arange(100) % 5, (400,))


def test_what_patches_say_adds_up_to_the_score() -> None:
    images, y, fold_of = task()
    model = ridge.fit(images, y, np.ones(200), fold_of, config=PLAIN).model
    scores = model.score(images[0])
    assert [score.patch for score in scores] == [0, 1, 2]
    assert [score.weight for score in scores] == [0.25, 0.25, 0.5]
    swapped = (images[0][1], images[0][0], images[0][2])
    assert combined(model.score(swapped)) == pytest.approx(combined(scores))
    assert [score.weight for score in model.score(images[0][:2])] == [0.5, 0.5]
    assert model.score(()) == ()
    assert model.score((PatchVector(0, 12, images[0][0].vector, Region.CHIN),)) == ()


def test_a_mirror_image_is_averaged_in() -> None:
    images, y, fold_of = task()
    model = ridge.fit(images, y, np.ones(200), fold_of).model
    one, two = images[0][2].vector, images[1][2].vector
    both = model.score((PatchVector(0, 0, one, Region.FACE), PatchVector(0, 12, two, Region.FACE)))
    middle = model.score((PatchVector(0, 0, np.mean([one, two], axis=0, dtype=np.float32), Region.FACE),))
    assert combined(both) == pytest.approx(combined(middle), abs=1e-6)


def test_a_picture_unlike_all_others_stays_tame_and_a_kind_of_view_never_seen_is_not_looked_at() -> None:
    images, y, fold_of = task()
    model = ridge.fit([image[2:] for image in images], y, np.ones(200), fold_of, config=PLAIN).model
    (wild,) = model.score(face(*[1e9] * 6))
    assert abs(wild.score) < 20
    assert model.score(images[0][:2]) == ()
    assert len(model.score(images[0])) == 1
    with pytest.raises(ValueError, match="length 6"):
        model.score(face(1, 2, 3))


def test_tensors_rebuild_the_same_model_bit_for_bit() -> None:
    images, y, fold_of = task()
    model = ridge.fit(images, y, np.ones(200), fold_of, config=PLAIN).model
    again = Ridge(RidgeConfig.from_json(model.to_json()), model.tensors())
    assert [again.score(image) for image in images[:9]] == [model.score(image) for image in images[:9]]
    broken = model.tensors() | {"slope": np.zeros((2, 5), dtype=np.float32)}
    with pytest.raises(ValueError, match="fit together"):
        Ridge(PLAIN, broken)


def test_a_feature_that_never_varied_changes_nothing() -> None:
    images, y, fold_of = task()

    def with_last(image: tuple[PatchVector, ...], value: float) -> tuple[PatchVector, ...]:
        last = np.array([value], dtype=np.float32)
        return tuple(replace(one, vector=np.concatenate([one.vector, last])) for one in image)

    model = ridge.fit([with_last(one, 7) for one in images], y, np.ones(200), fold_of, config=PLAIN).model
    assert combined(model.score(with_last(images[0], -99))) == combined(model.score(with_last(images[0], 7)))


def test_nonsense_is_refused() -> None:
    images, y, fold_of = task(20)
    for case in (
        ([], y[:0], np.ones(0), fold_of[:0]),
        (images, y[:-1], np.ones(20), fold_of),
        (images, y * np.nan, np.ones(20), fold_of),
        (images, y, np.zeros(20), fold_of),
        (images, y, np.ones(20), fold_of * 0),
        ([(), *images[1:]], y, np.ones(20), fold_of),
    ):
        with pytest.raises(ValueError):
            ridge.fit(*case)
