"""Who comes to the clinic: draws the hidden truth of each selfie, and names the random streams."""

from __future__ import annotations

from enum import IntEnum
from math import exp

import numpy as np

from mlcore.synthetic_records import FRONTAL_YAW, PROFILE_YAW, CohortConfig, Hair, Sex, Subject

_BLOCK = (1, 2, 3, 2, 4)
"""Selfies of the persons in one block of subjects, in an order drawn for each block."""
_TONES = (0.12, 0.22, 0.24, 0.18, 0.14, 0.10)
_WITHIN_PERSON = 0.25
"""Share of the variance of severity (on its normal scale) between visits of one person."""
_FLOOR, _LOCATION, _SPREAD = -0.6, 1.082, 0.239


class Purpose(IntEnum):
    """Names of the random streams; the values are part of what makes a cohort reproducible."""

    BLOCK = 1
    PERSON = 2
    VISIT = 3
    FACE = 4
    SKIN = 5
    TODAY = 6
    LESIONS = 7
    ROOM = 8
    CAMERA = 9
    GAZE = 10


def stream(seed: int, purpose: Purpose, number: int) -> np.random.Generator:
    """An independent generator for one purpose and one person or selfie."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(int(purpose), number))))


def latent_severity(z: float) -> float:
    """A standard normal value → severity on the 1–5 scale.

    A shifted log-normal, cut at the scale's ends: most selfies almost clear or mild, a long thin tail to severe.
    Of the rounded consensus of `PUBLISHED_PANEL` about 8 % are grade 1, 49 % 2, 34 % 3, 8 % 4 and 1 % 5;
    its standard deviation is 0.73, what the published r = 0.755 and RMSE = 0.482 give for a calibrated model
    (0.482 / √(1 − 0.755²)); for any other model it is an upper bound.
    """
    return min(max(_FLOOR + exp(_LOCATION + _SPREAD * z), 1.0), 5.0)


def _yaw(rng: np.random.Generator, config: CohortConfig) -> float:
    kind, side = rng.random(), 1.0 if rng.random() < 0.5 else -1.0
    straight, turned, profile = rng.normal(0, 6.0), rng.uniform(FRONTAL_YAW, PROFILE_YAW), rng.beta(1.8, 1.2)
    if kind < config.profile_share:
        return side * float(PROFILE_YAW + (90 - PROFILE_YAW) * profile)
    if kind < config.profile_share + (1 - config.profile_share) * config.turned_share:
        return side * float(turned)
    return float(np.clip(straight, -FRONTAL_YAW, FRONTAL_YAW))


def _person_number(config: CohortConfig, index: int) -> int:
    block, place = divmod(index, sum(_BLOCK))
    counts = stream(config.seed, Purpose.BLOCK, block).permutation(_BLOCK)
    return block * len(_BLOCK) + int(np.searchsorted(np.cumsum(counts), place, side="right"))


def _subject(config: CohortConfig, index: int) -> Subject:
    number = _person_number(config, index)
    own, visit = stream(config.seed, Purpose.PERSON, number), stream(config.seed, Purpose.VISIT, index)
    sex = Sex.FEMALE if own.random() < 0.6 else Sex.MALE
    tone = 1 + int(own.choice(6, p=_TONES))
    long_hair, cropped = own.random() < 0.75, own.random() < 0.4
    short = Hair.CROPPED if sex is Sex.MALE and cropped else Hair.SHORT
    z = (1 - _WITHIN_PERSON) ** 0.5 * own.normal() + _WITHIN_PERSON**0.5 * visit.normal()
    return Subject(
        index=index,
        person=f"P{number + 1:04d}",
        severity=latent_severity(float(z)),
        tone=tone,
        yaw=_yaw(visit, config),
        sex=sex,
        hair=Hair.LONG if sex is Sex.FEMALE and long_hair else short,
        seed=config.seed,
        person_number=number,
    )


def cohort(config: CohortConfig) -> tuple[Subject, ...]:
    """`config.size` selfies; a larger cohort of the same seed begins with the same subjects."""
    return tuple(_subject(config, index) for index in range(config.size))
