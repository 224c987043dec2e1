"""What is slow to make and never changes (drawn pictures, features), kept between runs under a folder of its own."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = "GOLDFOLD_BENCH_CACHE"


def cache_folder() -> Path:
    """Where it is kept: the folder that GOLDFOLD_BENCH_CACHE names, else one among the temporary files."""
    return Path(os.environ.get(FOLDER, Path(tempfile.gettempdir()) / "goldfold-bench"))


class Cache:
    """Files named by the hash of what they are made of. A file that is there is complete."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def array(self, made_of: Sequence[object], make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        path = self._path(made_of, ".npy")
        if not path.exists():
            made = make()
            _written(path, lambda file: np.save(file, made, allow_pickle=False))
        return np.asarray(np.load(path, allow_pickle=False))

    def file(self, made_of: Sequence[object], make: Callable[[], bytes]) -> Path:
        path = self._path(made_of, ".bin")
        if not path.exists():
            made = make()
            _written(path, lambda file: file.write(made))
        return path

    def _path(self, made_of: Sequence[object], ending: str) -> Path:
        name = hashlib.sha256(json.dumps(list(made_of)).encode()).hexdigest()
        return self._root / name[:2] / f"{name}{ending}"


def _written(path: Path, write: Callable[[Any], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        write(file)
    Path(temporary).replace(path)
