"""The room and the phone: light, background, clothes, and the faults of a selfie."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_canvas import in_colour, noise_field
from mlcore.synthetic_view import Camera, View

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_WALLS = (
    (206, 210, 212),
    (188, 196, 200),
    (212, 204, 192),
    (176, 188, 182),
    (150, 162, 172),
    (196, 186, 180),
    (120, 128, 136),
)
_SAVED_WELL = 93
"""JPEG quality from which on a file shows no loss worth drawing."""
_CLOTHES = (
    (58, 74, 96),
    (92, 98, 104),
    (120, 60, 66),
    (62, 92, 84),
    (196, 192, 186),
    (40, 42, 48),
    (150, 128, 108),
    (96, 84, 120),
)


@dataclass(frozen=True, slots=True)
class Light:
    """`direction` is towards the lamp (x right, y down, z to the camera), unit length; the rest are shares of it."""

    direction: tuple[float, float, float]
    ambient: float
    gloss: float
    warmth: float


@dataclass(frozen=True, slots=True)
class Faults:
    """What the camera does: gain (1 is right) and gamma; blur sigma and shake length in px at 640 high; noise SD
    (0–255); JPEG quality; roll in degrees."""

    gain: float
    gamma: float
    blur: float
    shake: float
    shake_angle: float
    noise: float
    noise_seed: int
    quality: int
    roll: float


def draw_light(rng: np.random.Generator, yaw: float, strength: float) -> Light:
    """From a soft light beside the camera (strength 0) to hard light from one side (1)."""
    side = rng.normal(0, 0.35) + np.clip(strength * rng.normal(0, 0.7), -1.1, 1.1)
    toward = np.array([side + 0.7 * np.sin(np.radians(yaw)), -0.55 + 0.25 * rng.normal() * (0.4 + strength), 1.0])
    toward /= np.linalg.norm(toward)
    ambient = 0.42 - 0.16 * strength * float(rng.random())
    gloss = float(rng.uniform(0.25, 0.55)) + 0.6 * strength * float(rng.random())
    warmth = float(strength * np.clip(rng.normal(0, 0.035), -0.06, 0.06))
    return Light((float(toward[0]), float(toward[1]), float(toward[2])), ambient, gloss, warmth)


def draw_faults(rng: np.random.Generator, strength: float) -> Faults:
    exposure, bend, blur, shake = rng.normal(), rng.normal(), rng.gamma(1.3, 0.75), rng.gamma(0.6, 1.6)
    return Faults(
        gain=float(np.exp(strength * 0.16 * np.clip(exposure, -2.2, 1.8))),
        gamma=float(np.exp(strength * 0.12 * np.clip(bend, -2, 2))),
        blur=0.25 + strength * min(float(blur), 3.0),
        shake=strength * min(float(shake), 5.0),
        shake_angle=float(rng.uniform(0, np.pi)),
        noise=1.0 + 7.0 * strength * float(rng.random()) ** 2,
        noise_seed=int(rng.integers(2**31)),
        quality=int(np.rint(95 - 55 * strength * float(rng.random()) ** 1.5)),
        roll=float(np.clip(rng.normal(0, 2.5), -6, 6)),
    )


def shading(view: View, light: Light, oil: float) -> tuple[Singles, Singles]:
    """Light on the head's grid: factors on colour (rows, thetas, 3), and gloss to add (rows, thetas), 0–255."""
    normal = view.facing()
    toward = np.array(light.direction, np.float32)
    half = toward + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    open_share = view.openness()
    lit = np.clip((normal @ toward + np.float32(0.22)) / np.float32(1.22), 0, 1)
    rim = np.clip(normal[..., 2], 0, 1)
    linear = np.maximum((light.ambient * (0.55 + 0.45 * rim) + 0.78 * lit) * open_share, 1e-3).astype(np.float32)
    glance = np.asarray(cv2.pow(np.clip(normal @ half, 0, 1), 22), np.float32)
    shine = glance * open_share * np.float32(46 * oil * light.gloss)
    # Light scatters further in skin in red than in blue, so shadows are warm.
    channels = [
        np.asarray(cv2.pow(linear, power), np.float32) * np.float32(warmth)
        for power, warmth in ((0.40, 1 + light.warmth), (0.455, 1.0), (0.49, 1 - light.warmth))
    ]
    return np.asarray(cv2.merge(channels), np.float32), shine.astype(np.float32)


def background(rng: np.random.Generator, width: int, height: int) -> Singles:
    """An out-of-focus room, (height, width, 3) float32 0–255."""
    wall = np.array(_WALLS[int(rng.integers(len(_WALLS)))], np.float32)
    small = np.empty((40, 30, 3), np.float32)
    slope = np.linspace(rng.uniform(0.85, 1.1), rng.uniform(0.75, 1.0), 30, dtype=np.float32)[None, :, None]
    fall = np.linspace(1.05, rng.uniform(0.8, 1.0), 40, dtype=np.float32)[:, None, None]
    small[:] = wall * slope * fall
    for _ in range(int(rng.integers(2, 7))):
        x, y = int(rng.integers(-4, 28)), int(rng.integers(-4, 34))
        w, h = int(rng.integers(3, 12)), int(rng.integers(5, 32))
        shade = np.float32(rng.uniform(0.45, 1.15))
        small[max(y, 0) : y + h, max(x, 0) : x + w] = wall * shade * rng.uniform(0.88, 1.12, 3).astype(np.float32)
    soft = cv2.GaussianBlur(small, (0, 0), 0.9)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _body(camera: Camera, reach: float) -> Floats:
    """Outline of neck base, shoulders and chest in px; `reach` is the shoulders' half-width in mm."""
    turn = np.cos(np.radians(camera.yaw))
    half = reach * (0.55 + 0.45 * abs(turn))
    points = np.array(
        [(-half, 420), (-half, 235), (-half * 0.9, 208), (-half * 0.55, 190), (-60, 168), (-42, 130),
         (42, 130), (60, 168), (half * 0.55, 190), (half * 0.9, 208), (half, 235), (half, 420)]
    )  # fmt: skip
    lean = -16 * np.sin(np.radians(camera.yaw))
    return np.stack([camera.x + (points[:, 0] + lean) * camera.scale, camera.y + points[:, 1] * camera.scale], axis=1)


def clothes(rng: np.random.Generator, camera: Camera) -> tuple[int, Singles, Singles, Singles]:
    """A plain shirt, below a first row: that row, and from it on the shirt's colour (rows, width, 3), its cover and the
    body's cover below the neck (rows, width), 0…1."""
    colour = np.array(_CLOTHES[int(rng.integers(len(_CLOTHES)))], np.float32)
    collar, reach = rng.uniform(26, 46), rng.uniform(185, 215)
    start = int(np.clip(camera.y + 110 * camera.scale, 0, camera.height - 8))
    rows = camera.height - start
    mask = np.zeros((rows, camera.width), np.uint8)
    outline = np.rint((_body(camera, reach) - [0, start]) * 16).astype(np.int32)
    cv2.fillPoly(mask, [outline], (255,), cv2.LINE_AA, 4)
    body = mask.astype(np.float32) / np.float32(255)
    lean = -16 * np.sin(np.radians(camera.yaw))
    centre = (int(camera.x + lean * camera.scale), int(camera.y + 140 * camera.scale) - start)
    axes = (int(58 * camera.scale), int(collar * camera.scale))
    cv2.ellipse(mask, centre, axes, 0, 0, 360, (0,), -1, cv2.LINE_AA)
    cover = np.asarray(cv2.GaussianBlur(mask, (0, 0), 1.2), np.float32) / np.float32(255)
    weave = _window(camera, rows, 7, 1.0, 1.0, int(rng.integers(4096)))
    fold = _window(camera, rows, 8, 14.0, 2.5, int(rng.integers(4096)))
    x = np.linspace(-1, 1, camera.width, dtype=np.float32)[None, :]
    shade = (1 - 0.22 * x**2) * (1 + 0.06 * fold + 0.03 * weave)
    shirt = np.asarray(cv2.merge([shade * channel for channel in colour]), np.float32)
    return start, shirt, cover, body


def _window(camera: Camera, rows: int, number: int, sigma: float, stretch: float, seed: int) -> Singles:
    """Noise for the lowest `rows` of the picture; one stored field serves every camera."""
    return noise_field(camera.height, camera.width, number, sigma, stretch, seed)[-rows:]


def expose(picture: Singles, faults: Faults) -> Bytes:
    """The sensor: gain, gamma, blur, shake, noise; (height, width, 3) float32 0–255 → uint8."""
    height, width = picture.shape[:2]
    unit = height / 640
    sigma = faults.blur * unit
    if sigma > 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32)
    if faults.shake * unit > 1.5:
        picture = np.asarray(cv2.filter2D(picture, -1, _shake(faults.shake * unit, faults.shake_angle)), np.float32)
    picture = picture * np.float32(faults.gain)
    picture += in_colour(noise_field(height, width, 9, 0.0, 1.0, faults.noise_seed) * np.float32(faults.noise))
    np.clip(picture, 0, 255, out=picture)
    table = 255 * (np.arange(256) / 255) ** faults.gamma
    seen = np.asarray(cv2.LUT(picture.astype(np.uint8), np.rint(table).astype(np.uint8)), np.uint8)
    return seen if faults.quality >= _SAVED_WELL else _saved(seen, faults.quality)


def _saved(picture: Bytes, quality: int) -> Bytes:
    """The picture after a JPEG file of that quality; raises ValueError if the codec refuses it."""
    done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the picture could not be encoded")
    read = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(read[..., ::-1])


def _shake(length: float, angle: float) -> Singles:
    size = int(np.ceil(length)) | 1
    kernel = np.zeros((size, size), np.uint8)
    middle = size / 2 - 0.5
    reach = np.array([np.cos(angle), np.sin(angle)]) * (length - 1) / 2
    ends = np.rint((np.array([middle, middle]) + np.outer([-1, 1], reach)) * 16).astype(int)
    cv2.line(kernel, tuple(map(int, ends[0])), tuple(map(int, ends[1])), (255,), 1, cv2.LINE_AA, 4)
    return kernel.astype(np.float32) / max(float(kernel.sum()), 1.0)
