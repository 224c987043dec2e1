"""How fast the network learns, beside scikit-learn's with its defaults, to a validation error at least as low.

17,000 samples of 2,048 features (2,000 with `quick`), as pooled features are: not negative, correlated, many more than
what the severity depends on. Both have one core, so that neither waits for its own threads. The other's time is the
whole of its fit by its own rule.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from threadpoolctl import threadpool_limits

from bench.bars import Bar, at_least, at_most, yardstick
from mlcore.fitting import fit
from mlcore.regressor import RegressorConfig

FULL, QUICK = 17_000, 2_000
FEATURES, LATENT, NOISE = 2_048, 48, 0.45
VALIDATION = 0.15
FASTER = 10
# Multiplications of one sample's pass forward and back through 2,048-1,024-512-256-1, and what scikit-learn does of
# them in a second of one core's time.
OPERATIONS = 6 * (2_048 * 1_024 + 1_024 * 512 + 512 * 256 + 256)
EXPECTED_RATE = 38e9
Floats = NDArray[np.float32]


def run(quick: bool) -> list[Bar]:
    x, y = samples(QUICK if quick else FULL)
    kept = round(len(y) * VALIDATION)
    x_val, y_val, x, y = x[:kept], y[:kept], x[kept:], y[kept:]
    config = replace(RegressorConfig(), members=1, threads=1)
    began, spent = time.perf_counter(), time.process_time()
    ours = fit(x, y, np.ones(len(y)), x_val, y_val, config)
    seconds, ours_cpu = time.perf_counter() - began, time.process_time() - spent
    error = rmse(ours.model.predict(x_val), y_val)
    print(f"ours: {seconds:.1f} s, {ours_cpu:.1f} s of processor, best epoch {ours.best[0]}, RMSE {error:.4f}")
    theirs = MLPRegressor(hidden_layer_sizes=(1024, 512, 256), random_state=0)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        began, spent = time.perf_counter(), time.process_time()
        theirs.fit(x, y)
    their_seconds, their_cpu = time.perf_counter() - began, time.process_time() - spent
    their_error = rmse(theirs.predict(x_val), y_val)
    print(f"theirs: {their_seconds:.1f} s, {their_cpu:.1f} s of processor, {theirs.n_iter_} epochs, {their_error:.4f}")
    print(f"standard deviation of the severities: {y_val.std():.4f}; noise put into them: {NOISE}")
    rate = OPERATIONS * len(y) * theirs.n_iter_ / their_cpu
    return [
        at_least("training, over scikit-learn's speed, by processor time", their_cpu / ours_cpu, FASTER),
        at_least("training, over scikit-learn's speed, by the clock", their_seconds / seconds, FASTER),
        at_most("validation RMSE", error, their_error),
        yardstick("scikit-learn, operations a second of processor time", rate / 1e9, EXPECTED_RATE / 1e9, "10⁹/s"),
    ]


def samples(count: int, seed: int = 0) -> tuple[Floats, NDArray[np.float64]]:
    """x (count, 2048) and severities (count,): a bent function of a few of 48 hidden causes, with a rater's noise."""
    draw = np.random.default_rng(seed)
    hidden = draw.normal(0, 1, (count, LATENT)).astype(np.float32)
    mixing = draw.normal(0, LATENT**-0.5, (LATENT, FEATURES)).astype(np.float32)
    noise = draw.normal(0, 0.5, (count, FEATURES)).astype(np.float32)
    x = np.maximum(hidden @ mixing + noise, 0)
    severity = 2.6 + 0.5 * hidden[:, 0] + 0.4 * np.maximum(hidden[:, 1], 0) + 0.3 * hidden[:, 2] * hidden[:, 3]
    grades = np.clip(severity + draw.normal(0, NOISE, count), 1, 5)
    return x, grades.astype(np.float64)


def rmse(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean((predicted - truth) ** 2)))
