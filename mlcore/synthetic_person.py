"""Who is in the picture: a person's head, colours and features, drawn once per person from that person's own stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlcore.synthetic_head import HeadShape
from mlcore.synthetic_records import Hair, Sex, Subject

Colour = tuple[float, float, float]

# sRGB, one for each Fitzpatrick type.
_SKIN: tuple[Colour, ...] = (
    (243, 209, 192), (232, 190, 165), (212, 165, 133), (180, 130, 97), (138, 95, 70), (101, 70, 55),
)  # fmt: skip
# What lips, and inflamed skin, do to skin's own colour, as factors: red shows less and brown more on dark skin.
_LIPS: tuple[Colour, ...] = (
    (0.85, 0.63, 0.65), (0.85, 0.63, 0.65), (0.85, 0.64, 0.68), (0.84, 0.66, 0.72),
    (0.86, 0.70, 0.76), (0.92, 0.76, 0.82),
)  # fmt: skip
_INFLAMED: tuple[Colour, ...] = (
    (0.95, 0.63, 0.62), (0.94, 0.62, 0.61), (0.92, 0.62, 0.60), (0.88, 0.60, 0.58),
    (0.80, 0.58, 0.58), (0.74, 0.58, 0.60),
)  # fmt: skip
_HAIR_LIGHT: tuple[Colour, ...] = (
    (176, 138, 88),
    (120, 84, 54),
    (84, 58, 40),
    (56, 40, 32),
    (132, 70, 40),
    (66, 48, 36),
)
_HAIR_DARK: tuple[Colour, ...] = ((58, 42, 33), (40, 30, 26), (30, 24, 22))
_IRIS_LIGHT: tuple[Colour, ...] = ((92, 122, 142), (104, 122, 96), (112, 84, 54), (82, 58, 38))
_IRIS_DARK: tuple[Colour, ...] = ((74, 48, 32), (54, 36, 26))


@dataclass(frozen=True, slots=True)
class Person:
    """Lengths are factors of about one unless in mm; colours are sRGB, 0–255."""

    shape: HeadShape
    skin: Colour
    lips: Colour
    inflamed: Colour
    hair_colour: Colour
    iris: Colour
    hair: Hair
    eye_height: float
    brow_raise: float
    brow_weight: float
    mouth_width: float
    lip_height: float
    lashes: float
    beard: float
    oil: float
    texture_seed: int
    acne_regions: tuple[float, ...]
    """How this person's acne spreads over `REGIONS` (sums to 1)."""


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(rng.integers(len(colours)))]


def _near(rng: np.random.Generator, spread: float, middle: float = 1.0) -> float:
    """A normal value about `middle`, cut at two standard deviations."""
    return float(middle + spread * np.clip(rng.normal(), -2, 2))


def _scaled(colour: Colour, factors: NDArray[np.float64] | Colour) -> Colour:
    red, green, blue = (float(np.clip(c * f, 0, 255)) for c, f in zip(colour, factors, strict=True))
    return red, green, blue


def _shape(rng: np.random.Generator, subject: Subject) -> HeadShape:
    male = subject.sex is Sex.MALE
    lift = {Hair.CROPPED: 2.5, Hair.SHORT: _near(rng, 2.5, 9), Hair.LONG: _near(rng, 1.5, 7)}[subject.hair]
    return HeadShape(
        width=_near(rng, 0.028, 1.0 if male else 0.985),
        upper=_near(rng, 0.02),
        nose_length=_near(rng, 0.035),
        lower=_near(rng, 0.035, 1.02 if male else 0.98),
        nose=_near(rng, 0.09, 1.04 if male else 0.95),
        nose_width=_near(rng, 0.07) + 0.03 * (subject.tone - 3) / 3,
        jaw=_near(rng, 0.035, 1.03 if male else 0.96),
        chin=_near(rng, 1.0, 0.5 if male else -0.5),
        lips=_near(rng, 0.15, 1.0 + 0.06 * (subject.tone - 2)),
        cheekbones=_near(rng, 0.3),
        neck=_near(rng, 2.0, 57 if male else 50),
        hair_lift=lift,
        hair_low=_near(rng, 22, 100) if subject.hair is Hair.LONG else 0.0,
    )


def draw_person(rng: np.random.Generator, subject: Subject, regions: int) -> Person:
    """The face of `subject.person`; `rng` is that person's stream, `regions` the number of acne regions."""
    male, tone = subject.sex is Sex.MALE, subject.tone - 1
    shape = _shape(rng, subject)
    skin = _scaled(_SKIN[tone], _near(rng, 0.02) * (1 + 0.012 * rng.normal(size=3)))
    dark = tone >= 3
    hair_colour = _pick(rng, _HAIR_DARK if dark else _HAIR_LIGHT)
    spread = rng.dirichlet(6.0 * np.array([0.24, 0.08, 0.25, 0.25, 0.18])[:regions])
    return Person(
        shape=shape,
        skin=skin,
        lips=_scaled(skin, _LIPS[tone]),
        inflamed=_INFLAMED[tone],
        hair_colour=_scaled(hair_colour, _near(rng, 0.12) * np.ones(3)),
        iris=_pick(rng, _IRIS_DARK if dark else _IRIS_LIGHT),
        hair=subject.hair,
        eye_height=_near(rng, 0.09, 0.97 if male else 1.05),
        brow_raise=_near(rng, 1.2, -0.5 if male else 1.0),
        brow_weight=_near(rng, 0.15, 1.15 if male else 0.85),
        mouth_width=_near(rng, 0.05, 1.01 if male else 0.97),
        lip_height=_near(rng, 0.13, 0.95 + 0.05 * tone),
        lashes=0.5 if male else _near(rng, 0.1, 0.85),
        beard=float(rng.uniform(0.3, 1.0)) if male else 0.0,
        oil=float(rng.uniform(0.3, 1.0)),
        texture_seed=int(rng.integers(2**31)),
        acne_regions=tuple(float(share) for share in spread),
    )
