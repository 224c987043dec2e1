"""The published regressor: a network of 1024, 512 and 256 units from a patch's features to a severity.

`mlcore.fitting` fits it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mlcore.records import PatchVector, Vectors
from mlcore.views import PLAIN, ViewScore, views

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
    learning_rate: float = 3e-4
    weight_decay: float = 1e-2
    batch_size: int = 128
    max_epochs: int = 100
    patience: int = 8
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
        scores = self.predict(seen.x)
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
