"""The files of backbones' weights: found in a folder, or downloaded once; named where they are absent.

What torchvision publishes of a file (its address, its size) is passed in, as only `mlcore.backbones` imports it.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import urllib.error
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

# Files from torchvision's early days name the layers of a DenseNet in a way that no module can be called today.
_OLD_NAME: Final = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d)\.")


class BackboneUnavailable(RuntimeError):
    """A backbone that can't be had here; the message names the file, its size and what to do."""


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of a backbone's weights before they are there. size: in megabytes."""

    backbone: str
    url: str
    size: float

    @property
    def file(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    @property
    def cached(self) -> Path:
        """Where torchvision's own loader keeps it."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.file


@dataclass(frozen=True, slots=True)
class Weights:
    """tensors: by name. id: the first 16 hex digits of the file's sha256."""

    tensors: dict[str, torch.Tensor]
    id: str


def find(published: Published, folder: Path | None) -> Path | None:
    """The file, if it is there: by its published name, or any `BACKBONE*.pth` in the folder; None asks the cache."""
    candidates = (
        [published.cached]
        if folder is None
        else [
            folder / published.file,
            *sorted(folder.glob(f"{published.backbone}*.pth")),
        ]
    )
    return next((path for path in candidates if path.is_file()), None)


def read(published: Published, folder: Path | None) -> Weights:
    """Read the weights; without a folder, download them once. Raises BackboneUnavailable."""
    path = find(published, folder)
    if path is None:
        if folder is not None:
            raise _unavailable(published, f"it is not in {folder}")
        path = _download(published)
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise _unavailable(published, f"{path} is damaged ({type(error).__name__})") from error
    return Weights({_OLD_NAME.sub(r"\1\2.", name): tensor for name, tensor in state.items()}, digest[:16])


def _download(published: Published) -> Path:
    path = published.cached
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(published.url, str(path), progress=False)
    except (urllib.error.URLError, OSError) as error:
        raise _unavailable(published, f"it could not be downloaded ({error})") from error
    return path


def _unavailable(published: Published, why: str) -> BackboneUnavailable:
    return BackboneUnavailable(
        f"The backbone {published.backbone} needs the file {published.file} ({published.size:.0f} MB), and {why}. "
        f"Get it with `curl -fLO {published.url}` in a folder, and set BACKBONE_WEIGHTS_DIR (or --weights) to that "
        "folder; or choose the backbone texture, which needs no file."
    )
