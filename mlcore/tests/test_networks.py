import numpy as np

from mlcore.fitting import Fit
from mlcore.networks import out_of_fold
from mlcore.regressor import Regressor, RegressorConfig


def fit_with(best: int, epochs: int, fold: int) -> Fit:
    """A fit whose predictions tell the fold, the epoch and the image: 100 × fold + 10 × epoch + image."""
    config = RegressorConfig(hidden=(), members=1)
    tensors = {
        "member0.input.mean": np.zeros(1, np.float32),
        "member0.input.scale": np.ones(1, np.float32),
        "member0.target": np.array([0, 1], np.float32),
        "member0.0.weight": np.zeros((1, 1), np.float32),
        "member0.0.bias": np.zeros(1, np.float32),
    }
    watched = np.add.outer(100.0 * fold + 10.0 * np.arange(1, epochs + 1), np.arange(2.0)).astype(np.float64)
    return Fit(Regressor(config, tensors), (best,), (watched,))


def test_a_fold_is_predicted_after_the_epochs_that_were_best_for_the_others() -> None:
    fold_of = np.array([0, 1, 2, 0, 1, 2])
    fits = [fit_with(2, 9, 0), fit_with(4, 9, 1), fit_with(6, 9, 2)]
    assert out_of_fold(fits, [0, 1, 2], fold_of).tolist() == [50, 140, 230, 51, 141, 231]


def test_a_fit_that_ended_sooner_gives_its_last_epoch() -> None:
    fits = [fit_with(1, 3, 0), fit_with(8, 9, 1), fit_with(8, 9, 2)]
    assert out_of_fold(fits, [0, 1, 2], np.array([0, 1, 2, 0, 1, 2]))[[0, 3]].tolist() == [30, 31]
