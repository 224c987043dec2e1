"""The networks of one expert: each keeps another fold aside to know when to stop, and predicts it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mlcore.records import PatchVector, Vectors
from mlcore.regressor import EpochReport, Regressor, RegressorConfig, fit, inputs, joined
from mlcore.rolling import Rolls
from mlcore.views import combined, views

Floats = NDArray[np.float64]
# Between the seeds of two members; no study's seeds lie that far apart.
MEMBER_SEEDS: Final = 7919
# Twelve rolls as seen, and twelve mirrored.
ALL_OFFSETS: Final = 24


@dataclass(frozen=True, slots=True)
class NetworkFit:
    """model: the mean of one network a fold. out_of_fold: (n,) each image by the network that kept it aside. samples:
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
    rows = _rolled(vectors, rolls)
    kept = _plain(vectors, config)
    out_of_fold = np.zeros(len(y))
    members = []
    for number, fold in enumerate(folds):
        aside = fold_of == fold
        own = replace(config, members=1, seed=config.seed + MEMBER_SEEDS * number)

        def note(report: EpochReport, number: int = number) -> None:
            if on_epoch is not None:
                on_epoch(replace(report, member=number, members=len(folds)))

        train, tried = rows.of(~aside), kept.of(aside)
        weights = w[train.image] * train.weight
        member = fit(
            train.x, y[train.image], weights, tried.x, y[tried.image], own, note,
            image_of=train.version, image_of_val=tried.version,
        )  # fmt: skip
        members.append(member)
        for at in np.flatnonzero(aside).tolist():
            out_of_fold[at] = combined(member.score(vectors[at]))
    return NetworkFit(joined(members, config), out_of_fold, len(rows.x))


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
        x=inputs(np.stack([one.vector for _, one in picked]), [one.region for _, one in picked]),
        image=image,
        version=image * ALL_OFFSETS + np.array([one.offset for _, one in picked], dtype=np.int64),
        weight=np.array([rolls[at].weight for at, _ in picked], dtype=np.float64),
    )


def _plain(vectors: Sequence[Sequence[PatchVector]], config: RegressorConfig) -> _Rows:
    """As images are when they are scored."""
    seen = [views(image, config.offsets) for image in vectors]
    image = np.repeat(np.arange(len(seen)), [len(one.patches) for one in seen])
    x = np.concatenate([inputs(one.x, one.regions) for one in seen if one.patches])
    return _Rows(x, image, image, np.ones(len(image)))
