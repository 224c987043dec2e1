"""The published regressor: what it was trained on, and the figures that its authors reported."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from bench.recipe.features import Rows

HIDDEN = (1024, 512, 256)
TRAINED_ON = 0.8
# Of a network's pooled features over patches of skin, as measured on mobilenet_v2's.
POOLED_SPREAD = 0.4
Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scaling:
    """What is taken off each feature, and what it is then divided by, (dim,) each."""

    middle: Rows
    spread: Rows

    def of(self, rows: Rows) -> Rows:
        return np.asarray((rows - self.middle) / self.spread, dtype=np.float32)

    @classmethod
    def none(cls, dim: int) -> Scaling:
        return cls(np.zeros(dim, np.float32), np.ones(dim, np.float32))

    @classmethod
    def to(cls, rows: Rows) -> Scaling:
        """To mean 0 and the spread of a network's pooled features over these rows; one that never varies stays."""
        middle, spread = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64) / POOLED_SPREAD
        return cls(middle.astype(np.float32), np.where(spread > 0, spread, 1).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Published:
    """validation_rmse: of single rows, in grades, on rows of faces that were trained on too: what was reported, and too
    kind. rows: trained on."""

    regressor: MLPRegressor
    validation_rmse: float
    rows: int
    scaling: Scaling

    def score(self, patches: Rows) -> float:
        """A picture's severity from its patches as they are, (patches, dim); not clipped to the scale, as published."""
        return float(np.mean(np.round(self.regressor.predict(self.scaling.of(patches)), 2)))


def fit(
    images: Sequence[Rows], targets: Sequence[float], classes: Sequence[int], seed: int, *, scaled: bool = False
) -> Published:
    """Train as published: rolled first, split after.

    images: (patches, rolls + 1, dim) of each, with as many rolls as its class has. targets: in grades. The seed decides
    both the split and the network, as theirs did. scaled: first bring all features to the size that a network's
    pooled features, which theirs were, have already.
    """
    table = np.concatenate([image.reshape(-1, image.shape[-1]) for image in images])
    sizes = [image.shape[0] * image.shape[1] for image in images]
    wanted, of_class = np.repeat(np.asarray(targets, np.float64), sizes), np.repeat(np.asarray(classes), sizes)
    scaling = Scaling.to(table) if scaled else Scaling.none(table.shape[1])
    table = scaling.of(table)
    train, aside = split(of_class, seed)
    regressor = MLPRegressor(hidden_layer_sizes=HIDDEN, random_state=seed)
    with warnings.catch_warnings():
        # They let it end after 200 rounds, too.
        warnings.simplefilter("ignore", ConvergenceWarning)
        regressor.fit(table[train], wanted[train].astype(np.float32))
    errors = regressor.predict(table[aside]) - wanted[aside]
    return Published(regressor, float(np.sqrt(np.mean(errors**2))), len(train), scaling)


def split(classes: NDArray[np.int64], seed: int) -> tuple[Places, Places]:
    """Rows to train on and to validate with: four fifths of each class, drawn row by row, whichever face they show."""
    draw = np.random.default_rng(seed)
    train, aside = [], []
    for of in np.unique(classes):
        places = draw.permutation(np.flatnonzero(classes == of))
        count = round(TRAINED_ON * len(places))
        train.append(places[:count])
        aside.append(places[count:])
    return np.concatenate(train), np.concatenate(aside)
