"""Fitting the published regressor: by an image's mean over its patches, stopped by images kept aside."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mlcore.records import Vectors
from mlcore.regressor import EpochReport, Regressor, RegressorConfig, build, standardise, torch_threads
from mlcore.standard import scale_of

Floats = NDArray[np.float64]
_LEAST_PATIENCE: Final = 4
_STEPS_OF_PATIENCE: Final = 400


@dataclass(frozen=True, slots=True)
class Fit:
    """model: of config.members networks, each as it was after its best epoch. best: that epoch of each, from 1.
    watched: per member, (epochs, validation images) what it predicted of them after each, by rising image."""

    model: Regressor
    best: tuple[int, ...]
    watched: tuple[Floats, ...]


def fit(
    x: Vectors,
    y: Floats,
    w: Floats,
    x_val: Vectors,
    y_val: Floats,
    config: RegressorConfig,
    on_epoch: Callable[[EpochReport], None] | None = None,
    *,
    image_of: NDArray[np.int64] | None = None,
    image_of_val: NDArray[np.int64] | None = None,
) -> Fit:
    """Fit by weighted squared error; the epoch with the lowest validation RMSE is kept.

    x: (n, dim) features of patches; y: (n,) the severity of each patch's image; w: (n,) weights. x_val, y_val: the
    same of images that share no person with x. image_of, image_of_val: the image of each patch, (n,) and (m,). With
    them the error is that of images, each scored by the mean over its patches, as it is when the model is used: a
    grade is of a face, and says little of a single patch. Without them each patch is an image of its own. on_epoch is
    told of every epoch and may raise to stop the work. The same inputs give the same network on one machine. Raises
    ValueError for empty, unequal or infinite inputs.
    """
    _check(x, y, w)
    _check(x_val, y_val, np.ones(len(y_val)))
    mean, scale = x.mean(axis=0, dtype=np.float64), scale_of(x)
    shared = {"input.mean": mean.astype(np.float32), "input.scale": scale.astype(np.float32)}
    images, images_val = _images(image_of, len(y)), _images(image_of_val, len(y_val))
    centre, spread = float(np.average(y, weights=w)), float(y.std()) or 1.0
    shared["target"] = np.array([centre, spread], dtype=np.float32)
    task = _Task(
        x=torch.from_numpy(standardise(x, shared["input.mean"], shared["input.scale"])),
        y=torch.from_numpy((images.mean((y - centre) / spread)).astype(np.float32)),
        w=torch.from_numpy((images.mean(w) / images.mean(w).mean()).astype(np.float32)),
        images=images,
        x_val=torch.from_numpy(standardise(x_val, shared["input.mean"], shared["input.scale"])),
        y_val=images_val.mean((y_val - centre) / spread),
        images_val=images_val,
        spread=spread,
    )
    tensors: dict[str, NDArray[np.float32]] = {}
    best, watched = [], []
    with torch_threads(config.threads), torch.random.fork_rng(devices=[]):
        for member in range(config.members):
            run = _fit_member(task, config, member, on_epoch)
            tensors |= {f"member{member}.{name}": value for name, value in shared.items()}
            tensors |= {f"member{member}.{name}": value.numpy().copy() for name, value in run.state.items()}
            best.append(run.best)
            watched.append(np.stack(run.watched) * spread + centre)
    return Fit(Regressor(config, tensors), tuple(best), tuple(watched))


@dataclass(frozen=True, slots=True)
class _Images:
    """Which patches are whose: `order` lists the patches image by image, image i's from starts[i], sizes[i] of them."""

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]

    def mean(self, of_patches: Floats) -> Floats:
        """(n,) of patches to (images,): the mean over each image's."""
        means: Floats = np.add.reduceat(of_patches[self.order], self.starts) / self.sizes
        return means

    def patches(self, chosen: NDArray[np.int64]) -> tuple[torch.Tensor, torch.Tensor]:
        """The patches of the chosen images, and for each of them the place of its image among the chosen."""
        sizes = self.sizes[chosen]
        place = np.repeat(np.arange(len(chosen)), sizes)
        within = np.arange(len(place)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return torch.from_numpy(self.order[self.starts[chosen][place] + within]), torch.from_numpy(place)


def _images(image_of: NDArray[np.int64] | None, patches: int) -> _Images:
    known = np.arange(patches) if image_of is None else image_of
    if len(known) != patches:
        raise ValueError(f"{len(known)} images named for {patches} patches")
    _, sizes = np.unique(known, return_counts=True)
    return _Images(np.argsort(known, kind="stable"), np.cumsum(sizes) - sizes, sizes)


@dataclass(frozen=True, slots=True)
class _Task:
    """Standardised data of one fit: x of patches, y and w of images; `spread` turns losses back into the scale's."""

    x: torch.Tensor
    y: torch.Tensor
    w: torch.Tensor
    images: "_Images"
    x_val: torch.Tensor
    y_val: Floats
    images_val: "_Images"
    spread: float


@dataclass(slots=True)
class _Run:
    """How one network's fit went: the weights after its best epoch, and what it predicted after each, standardised."""

    state: dict[str, torch.Tensor]
    best: int
    watched: list[Floats]


def _fit_member(
    task: _Task, config: RegressorConfig, member: int, on_epoch: Callable[[EpochReport], None] | None
) -> _Run:
    torch.manual_seed(config.seed + 7919 * member)
    network = build(task.x.shape[1], config)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    run, least = _Run({}, 0, []), float("inf")
    for epoch in range(1, config.max_epochs + 1):
        train_rmse = _train_epoch(network, optimiser, task, config.batch_size)
        run.watched.append(_predict(network, task))
        validation_rmse = float(np.sqrt(np.mean((run.watched[-1] - task.y_val) ** 2))) * task.spread
        if validation_rmse < least:
            least, run.best = validation_rmse, epoch
            run.state = {name: value.clone() for name, value in network.state_dict().items()}
        if on_epoch is not None:
            on_epoch(EpochReport(member, config.members, epoch, config.max_epochs, train_rmse, validation_rmse, least))
        if epoch - run.best >= patience(config, len(task.y), len(task.x)):
            break
    return run


def patience(config: RegressorConfig, images: int, patches: int) -> int:
    """Epochs to wait for a better one: config.patience, and down to 4 where that many hold some 400 steps, after
    which a network that has begun to learn by heart does not come back."""
    steps = images / _images_a_batch(config.batch_size, images, patches)
    return min(config.patience, max(_LEAST_PATIENCE, round(_STEPS_OF_PATIENCE / steps)))


def _images_a_batch(batch_size: int, images: int, patches: int) -> int:
    return max(1, round(batch_size * images / patches))


def _train_epoch(network: nn.Sequential, optimiser: torch.optim.Optimizer, task: _Task, batch_size: int) -> float:
    """One pass over all images, in batches of about `batch_size` patches."""
    network.train()
    total, images = 0.0, len(task.y)
    for batch in torch.split(torch.randperm(images), _images_a_batch(batch_size, images, len(task.x))):
        optimiser.zero_grad(set_to_none=True)
        patches, place = task.images.patches(batch.numpy())
        with _half():
            outputs = network(task.x[patches])
        scores = torch.zeros(len(batch)).index_add(0, place, outputs[:, 0].float()) / torch.bincount(place)
        losses = task.w[batch] * (scores - task.y[batch]) ** 2
        torch.autograd.backward(losses.mean())
        optimiser.step()
        total += float(losses.detach().sum())
    return float(np.sqrt(total / images)) * task.spread


def _half() -> torch.autocast:
    """Products in bfloat16 where the processor has instructions for it, which halves the time; else as they are."""
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast("cpu", torch.bfloat16, enabled=native)


def _predict(network: nn.Sequential, task: _Task) -> Floats:
    """(validation images,) standardised."""
    network.eval()
    with torch.inference_mode(), _half():
        scores = network(task.x_val)[:, 0].float().numpy().astype(np.float64)
    return task.images_val.mean(scores)


def _check(x: Vectors, y: Floats, w: Floats) -> None:
    if x.ndim != 2 or len(x) == 0:
        raise ValueError("features must be (n, dim) with at least one row")
    if not len(x) == len(y) == len(w):
        raise ValueError(f"{len(x)} rows of features, {len(y)} targets, {len(w)} weights")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y)) and np.all(np.isfinite(w))):
        raise ValueError("features, targets and weights must be finite")
