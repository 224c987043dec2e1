"""Picture files for tests, drawn in memory: each number gives another picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

ORIENTATION, GPS_INFO = 0x0112, 0x8825


def jpeg(number: int, *, width: int = 96, height: int = 72, orientation: int = 1, gps: bool = False) -> bytes:
    """A colourful JPEG whose left half is darker, so that turning it shows."""
    rng = np.random.default_rng(number)
    small = rng.integers(60, 255, size=(6, 8, 3), dtype=np.uint8)
    small[:, :4] //= 3
    picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    if gps:
        exif[GPS_INFO] = {1: "N", 2: (47.0, 22.0, 0.0)}
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90, exif=exif)
    return out.getvalue()
