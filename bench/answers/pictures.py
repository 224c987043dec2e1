"""Pictures whose display copies are as large as those of real selfies: 100 to 150 KB when they are sent."""

from __future__ import annotations

import cv2
import numpy as np

SEED = 230
WIDTH, HEIGHT = 960, 1280


def selfie(number: int) -> bytes:
    """The JPEG file of that number: a face's colours, spots, and a skin's grain; the same number, the same bytes."""
    rng = np.random.default_rng([SEED, number])
    skin = rng.integers((60, 80, 120), (160, 190, 240)).astype(np.float32)
    wall = rng.integers(40, 220, 3).astype(np.float32)
    face = np.zeros((HEIGHT, WIDTH), np.float32)
    centre = (int(WIDTH * rng.uniform(0.45, 0.55)), int(HEIGHT * rng.uniform(0.45, 0.55)))
    cv2.ellipse(face, centre, (WIDTH // 3, int(HEIGHT * 0.38)), float(rng.uniform(-9, 9)), 0, 360, 1.0, -1, cv2.LINE_AA)
    coarse = rng.normal(0, 1, (HEIGHT // 2, WIDTH // 2)).astype(np.float32)
    grain = cv2.resize(coarse, (WIDTH, HEIGHT)) * float(rng.uniform(2.1, 2.4))
    pixels = wall + face[..., None] * (skin - wall) + grain[..., None]
    for _ in range(int(rng.integers(0, 40))):
        spot = (int(rng.normal(centre[0], WIDTH / 6)), int(rng.normal(centre[1], HEIGHT / 6)))
        cv2.circle(pixels, spot, int(rng.integers(4, 14)), (70.0, 70.0, 190.0), -1, cv2.LINE_AA)
    encoded = cv2.imencode(".jpg", np.clip(pixels, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    return encoded.tobytes()
