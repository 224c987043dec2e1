"""What the synthetic cohort is made of: plain frozen values, no drawing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

PROFILE_YAW = 60.0
"""From this yaw on (degrees, either side) a face counts as a profile."""

FRONTAL_YAW = 15.0
"""Up to this yaw (degrees, either side) a face counts as frontal."""


class LesionKind(StrEnum):
    COMEDONE = "comedone"
    PAPULE = "papule"
    PUSTULE = "pustule"
    NODULE = "nodule"


class SkinRegion(StrEnum):
    """Where on the face a lesion sits; left and right are the subject's own."""

    FOREHEAD = "forehead"
    NOSE = "nose"
    LEFT_CHEEK = "left_cheek"
    RIGHT_CHEEK = "right_cheek"
    CHIN = "chin"


class Hair(StrEnum):
    CROPPED = "cropped"
    SHORT = "short"
    LONG = "long"


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True)
class CohortConfig:
    """What is drawn.

    `confounders` runs from 0 (clean pictures) to 1 (all that looks like acne or hides it, at full strength);
    `profile_share` is the share of selfies at `PROFILE_YAW` or more, `turned_share` that of the others which are turned
    further than frontal. `frailty` says how loosely the number of lesions follows severity: 0 as chance alone has it, 1
    as usual. `width` and `height` are in pixels.
    """

    size: int
    seed: int = 1
    confounders: float = 0.5
    profile_share: float = 0.1
    turned_share: float = 0.15
    frailty: float = 1.0
    width: int = 480
    height: int = 640

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("size must not be negative")
        if not 0 <= self.confounders <= 1:
            raise ValueError("confounders must be between 0 and 1")
        if not 0 <= self.profile_share <= 1:
            raise ValueError("profile_share must be between 0 and 1")
        if not 0 <= self.turned_share <= 1:
            raise ValueError("turned_share must be between 0 and 1")
        if self.frailty < 0:
            raise ValueError("frailty must not be negative")
        if min(self.width, self.height) < 64:
            raise ValueError("pictures must be at least 64 pixels wide and high")


@dataclass(frozen=True, slots=True)
class Subject:
    """One drawn selfie's hidden truth. Selfies of one `person` share the face, tone, sex and hair.

    `severity` is latent, continuous, on the published scale (1 clear … 5 severe); `tone` is the Fitzpatrick type
    (1…6); `yaw` is in degrees, 0 frontal, positive when the face is turned towards the right of the picture.
    `seed` and `person_number` name the random streams, so that any subject can be drawn alone.
    """

    index: int
    person: str
    severity: float
    tone: int
    yaw: float
    sex: Sex
    hair: Hair
    seed: int
    person_number: int

    @property
    def is_frontal(self) -> bool:
        return abs(self.yaw) <= FRONTAL_YAW

    @property
    def is_profile(self) -> bool:
        return abs(self.yaw) >= PROFILE_YAW


@dataclass(frozen=True, slots=True)
class Lesion:
    """A lesion that shows in the picture: centre and radius in pixels."""

    kind: LesionKind
    x: float
    y: float
    radius: float
    region: SkinRegion


@dataclass(frozen=True, slots=True)
class EyeBox:
    """The drawn opening of an eye, lids included, in pixels (x0 ≤ x < x1, y0 ≤ y < y1)."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def centre(self) -> tuple[float, float]:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def enlarged(self, share: float) -> EyeBox:
        """The box with its width and height grown by `share` about its centre."""
        dx, dy = (self.x1 - self.x0) * share / 2, (self.y1 - self.y0) * share / 2
        return EyeBox(self.x0 - dx, self.y0 - dy, self.x1 + dx, self.y1 + dy)

    def holds(self, x: float, y: float) -> bool:
        return self.x0 <= x < self.x1 and self.y0 <= y < self.y1


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A drawn picture with its truth.

    `pixels` is (height, width, 3) uint8 RGB. `landmarks` is (68, 2) float64, x and y in pixels, in the order of the
    iBUG 68-point scheme (0-based); hidden points are where the feature is behind the face. An eye that cannot be
    seen has no box. `skin_mask` is (height, width) bool: skin of face and ears, without eyes, brows, lips, hair, neck.
    """

    pixels: NDArray[np.uint8]
    landmarks: NDArray[np.float64]
    left_eye: EyeBox | None
    right_eye: EyeBox | None
    skin_mask: NDArray[np.bool_]
    lesions: tuple[Lesion, ...]
    subject: Subject

    @property
    def eye_boxes(self) -> tuple[EyeBox, ...]:
        return tuple(box for box in (self.left_eye, self.right_eye) if box is not None)

    @property
    def eye_distance(self) -> float:
        """Distance between the centres of the two eyes (mean of six landmarks each), px."""
        right, left = self.landmarks[36:42].mean(axis=0), self.landmarks[42:48].mean(axis=0)
        return float(np.hypot(*(left - right)))
