"""Backbones by name: what turns a patch into a vector. The only importer of torchvision.

`texture` needs nothing. The others are torchvision classifiers with ImageNet weights, pooled before their classifier;
their preprocessing comes from the weights' own metadata. torchvision is imported when one of them is asked for, as it
costs seconds that `texture` does without.
"""

import hashlib
import urllib.error
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch.library import Library

from mlcore import texture
from mlcore.records import BACKBONES, Backbone, Pixels, Vectors

# Classifier layers that stand between the pooled features and the classes, by architecture.
_TORCH_BACKBONES: Final = {
    "squeezenet1_0": "classifier",
    "mobilenet_v2": "classifier",
    "resnet50": "fc",
    "resnet152": "fc",
}
TORCH_BATCH: Final = 32


class BackboneUnavailable(RuntimeError):
    """A backbone that can't be had here; the message names the file, its size and what to do."""


def load(name: str, weights_dir: Path | None = None, *, precision: str | None = None) -> Backbone:
    """The backbone of that name.

    weights_dir: where `NAME*.pth` lies (torchvision's own file name is looked for first); None asks torchvision's
    loader, which downloads once. precision: float32 or bfloat16; None takes bfloat16 where the processor has
    instructions for it, which halves the time. Raises BackboneUnavailable.
    """
    if name == "texture":
        return TextureBackbone()
    if name not in _TORCH_BACKBONES:
        raise BackboneUnavailable(f"There is no backbone {name!r}; there are {', '.join(BACKBONES)}.")
    return TorchBackbone(name, weights_dir, precision)


class TextureBackbone:
    """Classical features (see `mlcore.texture`); hardly changed by rolling a patch, as they count, not locate."""

    name = "texture"
    weights_id = texture.VERSION
    dim = texture.DIM
    input_size = texture.INPUT_SIZE
    precision = "float32"
    feels_rolls = False

    def embed(self, batch: Pixels) -> Vectors:
        """(n, 128, 128, 3) uint8 to (n, dim) float32."""
        if len(batch) == 0:
            return np.zeros((0, self.dim), dtype=np.float32)
        return np.stack([texture.features(patch) for patch in batch])


class TorchBackbone:
    """A torchvision classifier's pooled features."""

    feels_rolls = True

    def __init__(self, name: str, weights_dir: Path | None, precision: str | None) -> None:
        models = _torchvision().models
        weights = models.get_model_weights(name).IMAGENET1K_V1
        preset = weights.transforms()
        self.name = name
        self.input_size = int(preset.crop_size[0])
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.precision = precision or _preferred_precision()
        state, self.weights_id = _state(name, weights, weights_dir)
        model = models.get_model(name)
        try:
            model.load_state_dict(state)
        except RuntimeError as error:
            raise BackboneUnavailable(f"The weights found for {name} do not fit it: {error}") from error
        self._model = _headless(name, model).eval().to(self._device)
        self._model = self._model.to(memory_format=torch.channels_last)
        self._mean = torch.tensor(preset.mean, device=self._device).view(1, 3, 1, 1)
        self._std = torch.tensor(preset.std, device=self._device).view(1, 3, 1, 1)
        side = self.input_size
        self.dim = int(self._forward(np.zeros((1, side, side, 3), dtype=np.uint8)).shape[1])

    def embed(self, batch: Pixels) -> Vectors:
        """(n, side, side, 3) uint8 to (n, dim) float32, in chunks so that memory stays flat."""
        if len(batch) == 0:
            return np.zeros((0, self.dim), dtype=np.float32)
        chunks = [batch[at : at + TORCH_BATCH] for at in range(0, len(batch), TORCH_BATCH)]
        return np.concatenate([self._forward(chunk) for chunk in chunks])

    def _forward(self, chunk: Pixels) -> Vectors:
        with torch.inference_mode(), torch.autocast(self._device, torch.bfloat16, self.precision == "bfloat16"):
            # A (n, h, w, 3) array seen as (n, 3, h, w) is channels-last already.
            pixels = torch.from_numpy(np.ascontiguousarray(chunk)).to(self._device).permute(0, 3, 1, 2)
            pooled = self._model((pixels.float() / 255.0 - self._mean) / self._std)
        return np.asarray(pooled.float().cpu().numpy(), dtype=np.float32)


def _preferred_precision() -> str:
    if torch.cuda.is_available():
        return "float32"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if native else "float32"


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
    declarations: Any = Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        declarations.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    # The declarations live as long as this object does.
    _declared.append(declarations)
    return _import_torchvision()


def _import_torchvision() -> Any:
    import torchvision  # noqa: PLC0415 - takes seconds, and only these backbones need it

    return torchvision


_declared: list[Any] = []


def _headless(name: str, model: Any) -> Any:
    if name == "squeezenet1_0":
        return torch.nn.Sequential(model.features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    setattr(model, _TORCH_BACKBONES[name], torch.nn.Identity())
    return model


def _state(name: str, weights: Any, weights_dir: Path | None) -> tuple[dict[str, Any], str]:
    """The weights' tensors and the first 16 hex digits of their file's sha256."""
    published = weights.url.rsplit("/", 1)[-1]
    if weights_dir is None:
        path = Path(torch.hub.get_dir()) / "checkpoints" / published
        if not path.is_file():
            _download(name, weights, path)
    else:
        path = _in_folder(name, weights, weights_dir, published)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state, digest[:16]


def _in_folder(name: str, weights: Any, folder: Path, published: str) -> Path:
    for path in (folder / published, *sorted(folder.glob(f"{name}*.pth"))):
        if path.is_file():
            return path
    raise _unavailable(name, weights, f"it is not in {folder}")


def _download(name: str, weights: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(weights.url, str(path), progress=False)
    except (urllib.error.URLError, OSError) as error:
        raise _unavailable(name, weights, f"it could not be downloaded ({error})") from error


def _unavailable(name: str, weights: Any, why: str) -> BackboneUnavailable:
    published = weights.url.rsplit("/", 1)[-1]
    size = weights.meta["_file_size"]
    return BackboneUnavailable(
        f"The backbone {name} needs the file {published} ({size:.0f} MB), and {why}. Download {weights.url} into a "
        "folder and set BACKBONE_WEIGHTS_DIR to that folder, or choose the backbone texture, which needs no file."
    )
