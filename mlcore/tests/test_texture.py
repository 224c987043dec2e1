import cv2
import numpy as np
import pytest

from mlcore.texture import DIM, INPUT_SIZE, features


def skin(seed: int = 0, spots: int = 0, tone: tuple[float, float, float] = (210, 165, 140)) -> np.ndarray:
    """Shaded skin with grain and reddish dark spots a few pixels wide."""
    draw = np.random.default_rng(seed)
    shading = 1 + 0.15 * np.linspace(-1, 1, INPUT_SIZE)[None, :, None]
    light = shading * draw.normal(1, 0.02, (INPUT_SIZE, INPUT_SIZE, 1))
    mask = np.zeros((INPUT_SIZE, INPUT_SIZE), dtype=np.float32)
    for x, y in draw.integers(8, INPUT_SIZE - 8, (spots, 2)).tolist():
        cv2.circle(mask, (x, y), 3, 1.0, -1)
    spot = 1 - cv2.GaussianBlur(mask, (0, 0), 1)[..., None] * np.array([0.08, 0.3, 0.28])
    pixels: np.ndarray = np.clip(np.array(tone) * light * spot, 0, 255).astype(np.uint8)
    return pixels


def test_features_are_finite_and_of_one_length() -> None:
    draw = np.random.default_rng(0)
    for patch in (
        np.zeros((128, 128, 3), np.uint8),
        np.full((128, 128, 3), 255, np.uint8),
        draw.integers(0, 256, (128, 128, 3), dtype=np.uint8),
    ):
        vector = features(patch)
        assert vector.shape == (DIM,)
        assert vector.dtype == np.float32
        assert np.all(np.isfinite(vector))
    with pytest.raises(ValueError, match="128"):
        features(np.zeros((64, 64, 3), np.uint8))


def test_lesions_move_the_features_and_skin_tone_hardly_does() -> None:
    tones = ((235, 195, 170), (170, 120, 90), (110, 75, 55))
    clear = np.stack([features(skin(seed, 0, tone)) for seed in range(6) for tone in tones])
    spotted = np.stack([features(skin(seed, 25, tone)) for seed in range(6) for tone in tones])
    unit = clear.std(axis=0) + 1e-3
    between = np.abs(spotted.mean(axis=0) - clear.mean(axis=0)) / unit
    by_tone = np.stack([clear[at::3].mean(axis=0) for at in range(3)])
    across = np.ptp(by_tone, axis=0) / unit
    assert np.count_nonzero(between > 3) > DIM // 4
    assert np.median(across) < np.median(between) / 2


def test_more_spots_give_more_blobs() -> None:
    vectors = np.stack([features(skin(1, spots)) for spots in (0, 10, 20, 40, 80)])
    rising = np.all(np.diff(vectors, axis=0) > 0, axis=0)
    assert np.count_nonzero(rising) > 20
