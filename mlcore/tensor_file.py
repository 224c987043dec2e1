"""Arrays as safetensors bytes, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

__all__ = ["load", "saved"]


def saved(tensors: Mapping[str, NDArray[Any]], metadata: dict[str, str] | None = None) -> bytes:
    """safetensors writes an array's memory as it lies, whatever its strides say: a transposed one would come back with
    its numbers in other places. So each is laid out row by row first."""
    return save({name: np.ascontiguousarray(value) for name, value in tensors.items()}, metadata)
