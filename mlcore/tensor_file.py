"""Arrays as safetensors bytes, and back; and such a file written so that others may read and write it meanwhile."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

__all__ = ["load", "put", "saved"]


def saved(tensors: Mapping[str, NDArray[Any]], metadata: dict[str, str] | None = None) -> bytes:
    """safetensors writes an array's memory as it lies, whatever its strides say: a transposed one would come back with
    its numbers in other places. So each is laid out row by row first."""
    return save({name: np.ascontiguousarray(value) for name, value in tensors.items()}, metadata)


def put(path: Path, content: bytes) -> None:
    """Write the file, replacing an older one, in one atomic step; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
