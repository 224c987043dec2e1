"""The published regressor: a network of 1024, 512 and 256 units from a patch's features to a severity."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mlcore.records import PatchVector, Region, Vectors
from mlcore.views import PLAIN, ViewScore, by_region, views

Floats = NDArray[np.float64]
# Standardised inputs beyond this many deviations say "unlike all training data", not "ten times as severe".
_CLIP: Final = 6.0


@dataclass(frozen=True, slots=True)
class RegressorConfig:
    """How the network is built and trained; `seed` fixes starting weights, batches and dropout.

    members: networks whose mean is the prediction. offsets: the rolls and mirror images of a patch whose mean vector is
    scored.
    """

    hidden: tuple[int, ...] = (1024, 512, 256)
    dropout: float = 0.3
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    batch_size: int = 256
    max_epochs: int = 100
    patience: int = 6
    members: int = 5
    threads: int = 2
    seed: int = 0
    offsets: tuple[int, ...] = PLAIN

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> "RegressorConfig":
        """Raises TypeError for unknown fields."""
        return cls(**{**fields, "hidden": tuple(fields["hidden"]), "offsets": tuple(fields["offsets"])})


@dataclass(frozen=True, slots=True)
class EpochReport:
    """Where a fit stands: epoch counts from 1 within a member; losses are RMSEs in units of the scale."""

    member: int
    members: int
    epoch: int
    max_epochs: int
    train_rmse: float
    validation_rmse: float
    best_rmse: float


class Regressor:
    """Networks that were fitted together (one by default), whose mean is the prediction."""

    kind: ClassVar[str] = "network"

    def __init__(self, config: RegressorConfig, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        """tensors: as `tensors()` returned them. Raises KeyError or ValueError where they don't fit the config."""
        self.config = config
        self._tensors = {name: np.asarray(value, dtype=np.float32) for name, value in tensors.items()}
        self.dim = int(self._tensors["member0.input.mean"].size)
        self._networks = [self._network(member) for member in range(config.members)]

    def predict(self, x: Vectors) -> Floats:
        """Severity of each patch: x (n, dim) to (n,) float64, in units of the scale, not clipped to it."""
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(f"features of shape (n, {self.dim}) expected, not {x.shape}")
        if len(x) == 0:
            return np.zeros(0)
        # One thread: the order of additions, and so the last bit, must not depend on the process.
        with torch_threads(1), torch.inference_mode():
            scores: Floats = np.mean([self._of_member(member, x) for member in range(self.config.members)], axis=0)
        return scores

    @property
    def offsets(self) -> tuple[int, ...]:
        return self.config.offsets

    def score(self, vectors: Sequence[PatchVector]) -> tuple[ViewScore, ...]:
        """What each patch of one image says; all weigh alike. () where there is nothing to look at."""
        seen = views(vectors, self.config.offsets)
        if not seen.patches:
            return ()
        scores = self.predict(inputs(seen.x, seen.regions))
        weight = 1 / len(scores)
        return tuple(ViewScore(patch, float(one), weight) for patch, one in zip(seen.patches, scores, strict=True))

    def to_json(self) -> dict[str, Any]:
        return self.config.to_json()

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """All that has been learned, by name."""
        return dict(self._tensors)

    def _of_member(self, member: int, x: Vectors) -> Floats:
        own = f"member{member}."
        inputs = standardise(x, self._tensors[own + "input.mean"], self._tensors[own + "input.scale"])
        outputs = self._networks[member](torch.from_numpy(inputs))[:, 0].numpy().astype(np.float64)
        centre, spread = self._tensors[own + "target"].astype(np.float64)
        scores: Floats = outputs * spread + centre
        return scores

    def _network(self, member: int) -> nn.Sequential:
        # Fresh weights, soon replaced, are drawn at random; the caller's generator must not notice.
        with torch.random.fork_rng(devices=[]):
            network = build(self.dim, self.config)
        state = {}
        for name, own in network.state_dict().items():
            value = self._tensors[f"member{member}.{name}"]
            if tuple(own.shape) != value.shape:
                raise ValueError(f"tensor member{member}.{name} has shape {value.shape}, not {tuple(own.shape)}")
            state[name] = torch.from_numpy(value)
        network.load_state_dict(state)
        return network.eval()


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
) -> Regressor:
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
    mean, scale = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    # A feature that never varies carries nothing, and must not blow up when a later image differs in it.
    scale = np.where(scale > 1e-6, scale, np.inf)
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
    with torch_threads(config.threads), torch.random.fork_rng(devices=[]):
        for member in range(config.members):
            tensors |= {f"member{member}.{name}": value for name, value in shared.items()}
            for name, value in _fit_member(task, config, member, on_epoch).items():
                tensors[f"member{member}.{name}"] = value.numpy().copy()
    return Regressor(config, tensors)


def inputs(x: Vectors, regions: Sequence[Region]) -> Vectors:
    """(n, dim) vectors of patches and their n regions to what the network is given."""
    return np.concatenate([x, by_region(regions)], axis=1)


def joined(parts: Sequence[Regressor], config: RegressorConfig) -> Regressor:
    """One regressor whose prediction is the mean over the members of all parts; config: theirs, with their number."""
    tensors: dict[str, NDArray[np.float32]] = {}
    total = 0
    for part in parts:
        for name, value in part.tensors().items():
            member, rest = name.removeprefix("member").split(".", 1)
            tensors[f"member{total + int(member)}.{rest}"] = value
        total += part.config.members
    return Regressor(replace(config, members=total), tensors)


def build(dim: int, config: RegressorConfig) -> nn.Sequential:
    """The network with fresh weights."""
    layers: list[nn.Module] = []
    for width in config.hidden:
        layers += [nn.Linear(dim, width), nn.ReLU(), nn.Dropout(config.dropout)]
        dim = width
    return nn.Sequential(*layers, nn.Linear(dim, 1))


def standardise(x: Vectors, mean: Vectors, scale: Vectors) -> Vectors:
    inputs: Vectors = np.clip((x - mean) / scale, -_CLIP, _CLIP).astype(np.float32)
    return inputs


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Run with that many threads, then restore the process's own number."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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


def _fit_member(
    task: _Task, config: RegressorConfig, member: int, on_epoch: Callable[[EpochReport], None] | None
) -> dict[str, torch.Tensor]:
    torch.manual_seed(config.seed + 7919 * member)
    network = build(task.x.shape[1], config)
    optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    best, best_state, waited = float("inf"), dict(network.state_dict()), 0
    for epoch in range(1, config.max_epochs + 1):
        train_rmse = _train_epoch(network, optimiser, task, config.batch_size)
        validation_rmse = _validate(network, task)
        waited += 1
        if validation_rmse < best:
            best, waited = validation_rmse, 0
            best_state = {name: value.clone() for name, value in network.state_dict().items()}
        if on_epoch is not None:
            on_epoch(EpochReport(member, config.members, epoch, config.max_epochs, train_rmse, validation_rmse, best))
        if waited >= config.patience:
            break
    return best_state


def _train_epoch(network: nn.Sequential, optimiser: torch.optim.Optimizer, task: _Task, batch_size: int) -> float:
    """One pass over all images, in batches of about `batch_size` patches."""
    network.train()
    total, images = 0.0, len(task.y)
    per_batch = max(1, round(batch_size * images / len(task.x)))
    for batch in torch.split(torch.randperm(images), per_batch):
        optimiser.zero_grad(set_to_none=True)
        patches, place = task.images.patches(batch.numpy())
        scores = torch.zeros(len(batch)).index_add(0, place, network(task.x[patches])[:, 0])
        scores = scores / torch.bincount(place)
        losses = task.w[batch] * (scores - task.y[batch]) ** 2
        torch.autograd.backward(losses.mean())
        optimiser.step()
        total += float(losses.detach().sum())
    return float(np.sqrt(total / images)) * task.spread


def _validate(network: nn.Sequential, task: _Task) -> float:
    network.eval()
    with torch.inference_mode():
        scores = network(task.x_val)[:, 0].numpy().astype(np.float64)
    errors = task.images_val.mean(scores) - task.y_val
    return float(np.sqrt(np.mean(errors**2))) * task.spread


def _check(x: Vectors, y: Floats, w: Floats) -> None:
    if x.ndim != 2 or len(x) == 0:
        raise ValueError("features must be (n, dim) with at least one row")
    if not len(x) == len(y) == len(w):
        raise ValueError(f"{len(x)} rows of features, {len(y)} targets, {len(w)} weights")
    if not (np.all(np.isfinite(x)) and np.all(np.isfinite(y)) and np.all(np.isfinite(w))):
        raise ValueError("features, targets and weights must be finite")
