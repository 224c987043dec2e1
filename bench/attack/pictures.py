"""Pictures that are cheap to make and all different: a face's colours and shape, and a skin's grain."""

from __future__ import annotations

import cv2
import numpy as np

SEED = 41


def picture(number: int) -> bytes:
    """The JPEG file of that number, as a phone might have sent it; the same number gives the same bytes."""
    rng = np.random.default_rng([SEED, number])
    width, height = int(rng.integers(288, 353)), int(rng.integers(320, 401))
    skin = rng.integers((60, 80, 120), (160, 190, 240)).astype(np.float32)
    wall = rng.integers(40, 220, 3).astype(np.float32)
    face = np.zeros((height, width), np.float32)
    centre = (int(width * rng.uniform(0.42, 0.58)), int(height * rng.uniform(0.42, 0.58)))
    axes = (int(width * rng.uniform(0.25, 0.38)), int(height * rng.uniform(0.3, 0.42)))
    cv2.ellipse(face, centre, axes, float(rng.uniform(-12, 12)), 0, 360, 1.0, -1, cv2.LINE_AA)
    small = rng.normal(0, 1, (height // 2, width // 2)).astype(np.float32)
    grain = cv2.resize(small, (width, height)) * float(rng.uniform(6, 16))
    pixels = wall + face[..., None] * (skin - wall) + grain[..., None]
    for _ in range(int(rng.integers(0, 25))):
        spot = (int(rng.normal(centre[0], axes[0] / 2)), int(rng.normal(centre[1], axes[1] / 2)))
        cv2.circle(pixels, spot, int(rng.integers(2, 6)), (70.0, 70.0, 190.0), -1, cv2.LINE_AA)
    quality = int(rng.integers(85, 97))
    encoded = cv2.imencode(".jpg", np.clip(pixels, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return encoded.tobytes()
