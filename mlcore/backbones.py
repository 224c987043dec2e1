"""Backbones by name: what turns a patch into a vector. The only importer of torchvision.

`texture` needs nothing. The others are torchvision's classifiers with ImageNet weights, tapped before their classifier;
their preprocessing comes from the weights' own metadata. torchvision is imported when one of them is asked for, as it
costs seconds that `texture` does without.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import library, nn

from mlcore import texture, weights
from mlcore.records import BACKBONES, Backbone, Pixels, Vectors
from mlcore.stages import FINAL, STAGES, Taps, Untraceable, find_taps, tapped
from mlcore.weights import BackboneUnavailable, Published

__all__ = ["BackboneUnavailable", "TextureBackbone", "TorchBackbone", "load", "weights_file"]

FACE_SIZE: Final = 448
GPU_BATCH: Final = 64
PRECISIONS: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# These two expect that their loader asks for ImageNet's preprocessing.
_OPTIONS: Final[dict[str, dict[str, bool]]] = {
    name: {"transform_input": True, "init_weights": False} for name in ("inception_v3", "googlenet")
}


def load(
    name: str, weights_dir: Path | None = None, *, precision: str | None = None, pooling: str = STAGES
) -> Backbone:
    """The backbone of that name: `texture`, or any of torchvision's classifiers.

    weights_dir: where `NAME*.pth` lies (torchvision's own file name is looked for first); None asks torchvision's
    loader, which downloads once. precision: float32 or bfloat16; None takes bfloat16 where the processor has
    instructions for it. pooling: see `stages.find_taps`; "final" is the published recipe's. Raises BackboneUnavailable.
    """
    return TextureBackbone() if name == "texture" else TorchBackbone(name, weights_dir, precision, pooling)


def weights_file(name: str, weights_dir: Path | None = None) -> Path | None:
    """Where the weights of that backbone lie here; None where they are absent or it needs none. Downloads nothing."""
    return None if name == "texture" else weights.find(_published(name), weights_dir)


class TextureBackbone:
    """Classical features (see `mlcore.texture`); hardly changed by rolling a patch, as they count, not locate."""

    name = "texture"
    weights_id = texture.VERSION
    dim = texture.DIM
    blocks = (texture.DIM,)
    input_size = texture.INPUT_SIZE
    # A whole face at the size of a patch shows no texture.
    face_size = 0
    pooling = FINAL
    precision = "float32"
    feels_rolls = False

    def embed(self, batch: Pixels) -> Vectors:
        """(n, 128, 128, 3) uint8 to (n, dim) float32."""
        if len(batch) == 0:
            return np.zeros((0, self.dim), dtype=np.float32)
        return np.stack([texture.features(patch) for patch in batch])


class TorchBackbone:
    """A torchvision classifier's features.

    On a processor every picture goes through by itself, on one thread, several at a time: so its numbers depend neither
    on what else is in the batch nor on how many threads there are, down to the last bit. bfloat16 halves the time where
    the processor has instructions for it, also for depthwise convolutions. One core of a Zen 4, 448 pixels, one picture
    in milliseconds, in float32 as torchvision makes it, then folded and channels-last, then in bfloat16 as well:
    mobilenet_v2 92, 54, 32; squeezenet1_0 173, 98, 49.
    """

    feels_rolls = True

    def __init__(self, name: str, weights_dir: Path | None, precision: str | None, pooling: str) -> None:
        published = _published(name)
        preset = _enum(name).transforms()
        self.name, self.pooling = name, pooling
        self.input_size = int(preset.crop_size[0])
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.precision = precision or _preferred_precision()
        model = _unfilled(name)
        taps, self.face_size = _taps(name, model, self.input_size, pooling)
        self.blocks, self.dim = taps.blocks, sum(taps.blocks)
        found = weights.read(published, weights_dir)
        self.weights_id = found.id
        _fill(name, model, found.tensors)
        self._dtype = PRECISIONS[self.precision]
        network = tapped(model, taps).to(self.device, self._dtype)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        # x / 255, less the mean, over the spread, as one product and one sum.
        spread = np.array(preset.std, dtype=np.float64)
        self._scale = self._channels(1 / (255 * spread))
        self._shift = self._channels(-np.array(preset.mean, dtype=np.float64) / spread)

    def embed(self, batch: Pixels) -> Vectors:
        """(n, side, side, 3) uint8 to (n, dim) float32, for any side that the network takes; memory stays flat."""
        if len(batch) == 0:
            return np.zeros((0, self.dim), dtype=np.float32)
        if self.device == "cuda":
            chunks = [batch[at : at + GPU_BATCH] for at in range(0, len(batch), GPU_BATCH)]
            return np.concatenate([self._forward(chunk) for chunk in chunks])
        lanes = min(torch.get_num_threads(), len(batch))
        with _one_thread_each():
            pictures = [batch[at : at + 1] for at in range(len(batch))]
            if lanes == 1:
                return np.concatenate([self._forward(one) for one in pictures])
            with ThreadPoolExecutor(lanes, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                return np.concatenate(list(pool.map(self._forward, pictures)))

    def tensor(self, batch: Pixels) -> torch.Tensor:
        """The network's input: (n, 3, side, side) in its precision, channels-last, on its device."""
        # A (n, h, w, 3) array seen as (n, 3, h, w) is channels-last already.
        pixels = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device).permute(0, 3, 1, 2)
        return pixels.float().mul_(self._scale).add_(self._shift).to(self._dtype)

    def _forward(self, chunk: Pixels) -> Vectors:
        # cuDNN's own short floats would be a third precision that no configuration names.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return np.asarray(self.network(self.tensor(chunk)).cpu().numpy(), dtype=np.float32)

    def _channels(self, values: np.ndarray) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device).view(1, 3, 1, 1)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _preferred_precision() -> str:
    if torch.cuda.is_available():
        return "float32"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if native else "float32"


def _unfilled(name: str) -> nn.Module:
    """The network without numbers: on the meta device it costs nothing, and its weights come from the file."""
    models, options = _torchvision().models, _OPTIONS.get(name, {})
    try:
        with torch.device("meta"):
            made: nn.Module = models.get_model(name, **options)
    except NotImplementedError:
        # A few families count their layers' widths with tensors, which need a device that counts.
        made = models.get_model(name, **options)
    return made


def _taps(name: str, model: nn.Module, side: int, pooling: str) -> tuple[Taps, int]:
    """Where to tap, and the side of a whole face: larger than a patch, unless the network takes one size only."""
    try:
        return find_taps(model, FACE_SIZE, pooling), FACE_SIZE
    except Untraceable:
        pass
    try:
        return find_taps(model, side, pooling), side
    except Untraceable as error:
        raise BackboneUnavailable(f"The backbone {name} can't be used: {error}.") from error


def _fill(name: str, model: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    for key in model.state_dict():
        if key.endswith("num_batches_tracked"):
            # Old files lack this count, which only training uses.
            tensors.setdefault(key, torch.tensor(0))
    try:
        model.load_state_dict(tensors, assign=True)
    except (RuntimeError, AttributeError) as error:
        raise BackboneUnavailable(f"The weights found for {name} do not fit it: {error}") from error


def _published(name: str) -> Published:
    enum = _enum(name)
    return Published(name, str(enum.url), float(enum.meta["_file_size"]))


def _enum(name: str) -> Any:
    """torchvision's entry of the first ImageNet weights of that classifier. Raises BackboneUnavailable."""
    models = _torchvision().models
    if name not in models.list_models(module=models):
        raise BackboneUnavailable(
            f"There is no backbone {name!r}; there are {', '.join(BACKBONES)}, and torchvision's other classifiers."
        )
    known = models.get_model_weights(name)
    return getattr(known, "IMAGENET1K_V1", known.DEFAULT)


def _torchvision() -> Any:
    """Import torchvision, also beside a torch that its compiled operators were not built for.

    torchvision describes its operators nms and qnms to torch while it is imported, and fails where its compiled part,
    which declares them, can't be loaded (a CPU build of torch beside the registry's CUDA build of torchvision). No
    classifier uses them, so declaring them is enough; where the compiled part works, nothing is declared.
    """
    try:
        return _import_torchvision()
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    declarations: Any = library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        declarations.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    # The declarations live as long as this object does.
    _declared.append(declarations)
    return _import_torchvision()


def _import_torchvision() -> Any:
    import torchvision  # noqa: PLC0415 - takes seconds, and only these backbones need it

    return torchvision


_declared: list[Any] = []
