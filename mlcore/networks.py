"""The networks of one expert: each keeps another fold aside to know when to stop, and predicts it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlcore.fitting import Fit, fit
from mlcore.records import PatchVector, Vectors
from mlcore.regressor import EpochReport, Regressor, RegressorConfig, joined
from mlcore.rolling import Rolls
from mlcore.views import views

Floats = NDArray[np.float64]
# Between the seeds of two members; no study's seeds lie that far apart.
MEMBER_SEEDS: Final = 7919
# Twelve rolls as seen, and twelve mirrored.
ALL_OFFSETS: Final = 24


@dataclass(frozen=True, slots=True)
class NetworkFit:
    """model: the mean of one network a fold. out_of_fold: (n,) each image by the network that kept it
    aside, stopped by what was best for the others. samples:
    different rows trained on."""

    model: Regressor
    out_of_fold: Floats
    samples: int


def fit_network(
    vectors: Sequence[Sequence[PatchVector]],
    y: Floats,
    w: Floats,
    fold_of: NDArray[np.int64],
    rolls: Sequence[Rolls],
    config: RegressorConfig,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> NetworkFit:
    """Fit one network a fold; config.members is not looked at.

    vectors, y, w, fold_of: of n images, as for `ridge.fit`. rolls: the offsets each is trained on, and their weight.
    """
    folds = sorted(set(fold_of.tolist()))
    rolled, plain = _rolled(vectors, rolls), _plain(vectors, config)
    fits = []
    for number, fold in enumerate(folds):
        own = replace(config, members=1, seed=config.seed + MEMBER_SEEDS * number)

        def note(report: EpochReport, number: int = number) -> None:
            if on_epoch is not None:
                on_epoch(replace(report, member=number, members=len(folds)))

        train, kept = rolled.of(fold_of != fold), plain.of(fold_of == fold)
        weights = w[train.image] * train.weight
        fits.append(
            fit(
                train.x,
                y[train.image],
                weights,
                kept.x,
                y[kept.image],
                own,
                note,
                image_of=train.version,
                image_of_val=kept.version,
            )
        )
    model = joined([one.model for one in fits], config)
    return NetworkFit(model, out_of_fold(fits, folds, fold_of), len(rolled.x))


def out_of_fold(fits: Sequence[Fit], folds: Sequence[int], fold_of: NDArray[np.int64]) -> Floats:
    """Each image by the network that kept it aside, after as many epochs as were best for the other folds: its own
    fold's best would be chosen by looking at the images that are to be predicted."""
    predicted = np.zeros(len(fold_of))
    for number, fold in enumerate(folds):
        others = [one.best[0] for at, one in enumerate(fits) if at != number]
        watched = fits[number].watched[0]
        predicted[fold_of == fold] = watched[min(round(float(np.median(others))), len(watched)) - 1]
    return predicted


@dataclass(frozen=True, slots=True)
class _Rows:
    """x: (rows, inputs). image: of each row. version: of image and roll, as a rolled image is another image. weight:
    its rolls'."""

    x: Vectors
    image: NDArray[np.int64]
    version: NDArray[np.int64]
    weight: Floats

    def of(self, images: NDArray[np.bool_]) -> "_Rows":
        kept = images[self.image]
        return _Rows(self.x[kept], self.image[kept], self.version[kept], self.weight[kept])


def _rolled(vectors: Sequence[Sequence[PatchVector]], rolls: Sequence[Rolls]) -> _Rows:
    picked = [(at, one) for at, image in enumerate(vectors) for one in image if one.offset in rolls[at].offsets]
    image = np.array([at for at, _ in picked], dtype=np.int64)
    return _Rows(
        x=np.stack([one.vector for _, one in picked]),
        image=image,
        version=image * ALL_OFFSETS + np.array([one.offset for _, one in picked], dtype=np.int64),
        weight=np.array([rolls[at].weight for at, _ in picked], dtype=np.float64),
    )


def _plain(vectors: Sequence[Sequence[PatchVector]], config: RegressorConfig) -> _Rows:
    """As images are when they are scored."""
    seen = [views(image, config.offsets) for image in vectors]
    image = np.repeat(np.arange(len(seen)), [len(one.patches) for one in seen])
    x = np.concatenate([one.x for one in seen if one.patches])
    return _Rows(x, image, image, np.ones(len(image)))
