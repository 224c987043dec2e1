import time
from typing import Any

import numpy as np
import pytest
import torch

from mlcore.fitting import fit, patience
from mlcore.records import PatchVector, Region
from mlcore.regressor import EpochReport, Regressor, RegressorConfig, joined

SMALL = RegressorConfig(hidden=(32, 16), max_epochs=40, batch_size=32, learning_rate=3e-3, members=1, threads=1)


def task(n: int = 300, dim: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    x = draw.normal(5, 3, (n, dim)).astype(np.float32)
    return x, 3 + 0.2 * (x[:, 0] - 5) + 0.1 * np.abs(x[:, 1] - 5)


def fitted(config: RegressorConfig = SMALL, **options: Any) -> Regressor:
    x, y = task()
    return fit(x[:240], y[:240], np.ones(240), x[240:], y[240:], config, **options).model


def test_it_learns_and_keeps_its_best_epoch() -> None:
    reports: list[EpochReport] = []
    x, y = task()
    model = fitted(on_epoch=reports.append)
    rmse = float(np.sqrt(np.mean((model.predict(x[240:]) - y[240:]) ** 2)))
    assert rmse < 0.4 * y.std()
    assert rmse == pytest.approx(min(report.validation_rmse for report in reports), rel=1e-2)
    assert [report.epoch for report in reports] == list(range(1, len(reports) + 1))


def test_the_same_seed_gives_the_same_numbers_and_another_does_not() -> None:
    x, _ = task()
    torch.manual_seed(123)
    one = fitted().predict(x)
    torch.rand(5)
    assert np.array_equal(one, fitted().predict(x))
    other = RegressorConfig(**{**SMALL.to_json(), "seed": 1})
    assert not np.array_equal(one, fitted(other).predict(x))


def test_fitting_leaves_the_global_random_state_and_threads_alone() -> None:
    torch.manual_seed(5)
    expected, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(5)
    fitted()
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


def test_tensors_rebuild_the_same_model() -> None:
    model = fitted(RegressorConfig(**{**SMALL.to_json(), "members": 2, "max_epochs": 3}))
    again = Regressor(RegressorConfig.from_json(model.config.to_json()), model.tensors())
    x, _ = task(seed=4)
    assert np.array_equal(model.predict(x), again.predict(x))
    broken = model.tensors()
    broken["member1.0.weight"] = broken["member1.0.weight"][:5]
    with pytest.raises(ValueError, match="shape"):
        Regressor(model.config, broken)


def test_weights_decide_between_contradicting_samples() -> None:
    # Two kinds of patch, each graded 1 and 5 equally often; the weights say 1.4 for the first kind, 4.6 for the other.
    x = np.repeat([[0.0, 1.0], [1.0, 0.0]], 64, axis=0).astype(np.float32)
    y = np.tile([1.0, 5.0], 64)
    w = np.where((y < 3) == (x[:, 0] < 0.5), 9.0, 1.0)
    model = fit(x, y, w, x[[0, 127]], np.array([1.4, 4.6]), SMALL).model
    assert model.predict(x[[0, 127]]) == pytest.approx([1.4, 4.6], abs=0.4)


def test_a_grade_is_learned_of_the_mean_over_an_images_patches() -> None:
    """Each image has a patch that shows the grade and two that show nothing: alone those pull towards the middle."""
    draw = np.random.default_rng(0)
    y = draw.uniform(1, 5, 200)
    x = draw.normal(0, 0.05, (600, 4)).astype(np.float32)
    x[::3, 0] += y.astype(np.float32)
    image_of, target = np.repeat(np.arange(200), 3), np.repeat(y, 3)
    rows, kept = slice(0, 450), slice(450, 600)
    errors = []
    for own in (None, image_of[rows]):
        model = fit(
            x[rows], target[rows], np.ones(450), x[kept], target[kept], SMALL, image_of=own, image_of_val=image_of[kept]
        ).model
        errors.append(np.sqrt(np.mean((model.predict(x[kept]).reshape(50, 3).mean(axis=1) - y[150:]) ** 2)))
    assert errors[1] < 0.3 < 0.6 < errors[0]


def test_an_image_counts_once_however_many_patches_it_has() -> None:
    x = np.zeros((100, 2), dtype=np.float32)
    y, image_of = np.array([1.0] * 90 + [5.0] * 10), np.concatenate([np.repeat(np.arange(10), 9), np.arange(10, 20)])
    model = fit(x, y, np.ones(100), x, y, SMALL, image_of=image_of, image_of_val=image_of).model
    assert model.predict(x[:1])[0] == pytest.approx(3.0, abs=0.15)


def test_joined_members_predict_their_mean() -> None:
    parts = [fitted(RegressorConfig(**{**SMALL.to_json(), "seed": seed, "max_epochs": 3})) for seed in (0, 1)]
    together = joined(parts, SMALL)
    x, _ = task(seed=4)
    assert together.config.members == 2
    assert together.predict(x) == pytest.approx(np.mean([part.predict(x) for part in parts], axis=0))


def test_validation_is_by_image_where_images_are_given() -> None:
    x, y = task()
    noise = np.tile([1.5, -1.5], 30)
    by_patch: list[EpochReport] = []
    by_image: list[EpochReport] = []
    for image_of, reports in ((None, by_patch), (np.arange(60) // 2, by_image)):
        same = np.repeat(x[240:270], 2, axis=0)
        target = np.repeat(y[240:270], 2) + noise
        fit(x[:240], y[:240], np.ones(240), same, target, SMALL, reports.append, image_of_val=image_of)
    assert by_patch[-1].best_rmse > 1.4
    assert by_image[-1].best_rmse < 0.7


def test_on_epoch_may_cancel() -> None:
    class Cancelled(Exception):
        pass

    def cancel(report: EpochReport) -> None:
        if report.epoch == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        fitted(on_epoch=cancel)


def test_an_input_far_from_all_training_data_stays_finite_and_tame() -> None:
    model = fitted()
    wild = model.predict(np.full((1, 12), 1e9, dtype=np.float32))
    assert np.all(np.isfinite(wild))
    assert abs(wild[0]) < 20


def test_nonsense_is_refused() -> None:
    x, y = task(10)
    with pytest.raises(ValueError, match="finite"):
        fit(x * np.float32(np.nan), y, np.ones(10), x, y, SMALL)
    with pytest.raises(ValueError, match="weights"):
        fit(x, y, np.ones(9), x, y, SMALL)
    with pytest.raises(ValueError, match="features of shape"):
        fitted(RegressorConfig(**{**SMALL.to_json(), "max_epochs": 1})).predict(x[:, :5])


def test_the_published_size_trains_in_seconds() -> None:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(2000, 150)).astype(np.float32)
    y = 3 + 0.5 * x[:, 0] + draw.normal(0, 0.5, 2000)
    began = time.process_time()
    fit(x[:1700], y[:1700], np.ones(1700), x[1700:], y[1700:], RegressorConfig(max_epochs=10, members=1, threads=1))
    assert time.process_time() - began < 15


def test_what_each_epoch_predicted_is_kept() -> None:
    x, y = task()
    reports: list[EpochReport] = []
    run = fit(x[:240], y[:240], np.ones(240), x[240:], y[240:], SMALL, reports.append, image_of_val=np.arange(60) // 2)
    (watched,) = run.watched
    assert watched.shape == (len(reports), 30)
    errors = np.sqrt(np.mean((watched - y[240:].reshape(30, 2).mean(axis=1)) ** 2, axis=1))
    assert errors == pytest.approx([report.validation_rmse for report in reports])
    assert run.best == (int(errors.argmin()) + 1,)


def test_each_patch_is_scored_by_the_mean_of_itself_and_its_mirror_image() -> None:
    config = RegressorConfig(**{**SMALL.to_json(), "offsets": (0, 12), "max_epochs": 3})
    model = fitted(config)
    one, two, other = task(3, seed=5)[0]
    given = (
        PatchVector(3, 0, one, Region.CHIN),
        PatchVector(3, 12, two, Region.CHIN),
        PatchVector(1, 0, other, Region.FOREHEAD),
        PatchVector(1, 6, one, Region.FOREHEAD),
    )
    brow, chin = model.score(given)
    assert (brow.patch, chin.patch, brow.weight, chin.weight) == (1, 3, 0.5, 0.5)
    middle = np.mean([one, two], axis=0, dtype=np.float32)
    assert [brow.score, chin.score] == pytest.approx(model.predict(np.stack([other, middle])).tolist(), abs=1e-6)
    assert model.score([]) == ()


def test_patience_is_shorter_where_epochs_are_long() -> None:
    config = RegressorConfig(patience=8, batch_size=100)
    assert [patience(config, images, 4 * images) for images in (100, 1500, 10_000)] == [8, 7, 4]
    assert patience(RegressorConfig(patience=2), 10_000, 10_000) == 2
