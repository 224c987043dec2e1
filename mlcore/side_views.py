"""Faces seen from the side: OpenCV's profile and eye cascades, held against the skin around them.

Taken alone, the eye cascade also finds lesions, ears and nostrils. An eye is believed when its face is skin where a
cheek should be, when it is darker than that cheek and no redder, and when it lies where the profile's eye should, if a
profile was found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore import patches
from mlcore.images import shrink
from mlcore.records import Box, Eye, Pixels, Region, Side
from mlcore.skin import Skin

PROFILE_SIDE: Final = 320
EYE_SIDE: Final = 480
PROFILE_FILE: Final = "haarcascade_profileface.xml"
EYE_FILE: Final = "haarcascade_eye.xml"

# A profile's least side as a share of the skin's extent, and the least confidence of the cascade's last stage.
_LEAST_PROFILE: Final = 0.6
_PROFILE_CONFIDENCE: Final = 0.0
_PROFILE_ON_SKIN: Final = 0.5
# An eye's box as the cascade draws it, over the skin's extent.
_LEAST_EYE: Final = 0.11
_MOST_EYE: Final = 0.4
_EYE_CONFIDENCE: Final = 0.5
_CHEEK_ON_SKIN: Final = 0.85
_CHEEK_IN_PICTURE: Final = 0.6


class CascadeMissing(RuntimeError):
    """A cascade's file is not where OpenCV should have put it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A face seen from the side, and the subject's side that is in view."""

    box: Box
    side: Side
    confidence: float


class SideViews:
    """Finds profiles and single eyes. Keep one per process; not to be shared between threads."""

    def profile(self, rgb: Pixels, skin: Skin) -> Profile | None:
        """The surest profile that is mostly skin, or None. The cascade knows faces that look to the picture's left."""
        small = shrink(rgb, PROFILE_SIDE)
        scale = small.shape[1] / rgb.shape[1]
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        least = round(_LEAST_PROFILE * skin.extent * scale)
        found = []
        for side, image in ((Side.LEFT, grey), (Side.RIGHT, np.ascontiguousarray(grey[:, ::-1]))):
            for box, confidence in _detect(self._profiles, image, scale, least, 2):
                seen = box if side is Side.LEFT else _mirrored(box, rgb.shape[1])
                if confidence > _PROFILE_CONFIDENCE and skin.share(seen) >= _PROFILE_ON_SKIN:
                    found.append(Profile(seen, side, confidence))
        return max(found, key=lambda profile: profile.confidence, default=None)

    def eye(self, rgb: Pixels, skin: Skin, profile: Profile | None) -> Eye | None:
        """The surest plausible eye, or None."""
        small = shrink(rgb, EYE_SIDE)
        scale = small.shape[1] / rgb.shape[1]
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
        redness = _redness(small)
        believed = []
        for box, confidence in _detect(self._eyes, grey, scale, round(_LEAST_EYE * skin.extent * scale), 3):
            if confidence < _EYE_CONFIDENCE or box.width > _MOST_EYE * skin.extent:
                continue
            if profile is not None and not _fits(box, profile):
                continue
            eye = Eye(box, profile.side if profile else _cheek_side(box, skin))
            if _has_cheek(eye, skin, rgb.shape[1], rgb.shape[0]) and _looks_like_one(box, grey, redness, scale):
                believed.append((confidence * box.width, eye))
        return max(believed, key=lambda one: one[0], default=(0.0, None))[1]

    @cached_property
    def _profiles(self) -> cv2.CascadeClassifier:
        return _cascade(PROFILE_FILE)

    @cached_property
    def _eyes(self) -> cv2.CascadeClassifier:
        return _cascade(EYE_FILE)


def _cascade(file: str) -> cv2.CascadeClassifier:
    path = Path(cv2.__file__).parent / "data" / file
    cascade = cv2.CascadeClassifier(str(path))
    if cascade.empty():
        raise CascadeMissing(f"The cascade {path} is missing.")
    return cascade


def _detect(
    cascade: cv2.CascadeClassifier, grey: NDArray[np.uint8], scale: float, least: int, neighbours: int
) -> Iterator[tuple[Box, float]]:
    """Boxes in pixels of the full picture, and the confidence of the last stage."""
    if min(grey.shape) <= least:
        return
    boxes, _, confidences = cascade.detectMultiScale3(
        grey, 1.1, neighbours, minSize=(max(least, 20), max(least, 20)), outputRejectLevels=True
    )
    rows = np.asarray(boxes, dtype=np.int64).reshape(-1, 4).tolist()
    for (x, y, w, h), confidence in zip(rows, np.asarray(confidences).ravel().tolist(), strict=True):
        yield Box(*(round(at / scale) for at in (x, y, x + w, y + h))), confidence


def _mirrored(box: Box, width: int) -> Box:
    return Box(width - box.x1, box.y0, width - box.x0, box.y1)


def _redness(rgb: Pixels) -> NDArray[np.float32]:
    """log R/G, smoothed."""
    smooth = cv2.GaussianBlur(rgb, (0, 0), 1.5).astype(np.float32) + np.float32(8)
    return np.asarray(np.log(smooth[..., 0] / smooth[..., 1]), dtype=np.float32)


def _fits(eye: Box, profile: Profile) -> bool:
    """Whether it lies in the upper half of the profile, on the side to which that looks."""
    box = profile.box
    x, y = (eye.x0 + eye.x1) / 2, (eye.y0 + eye.y1) / 2
    ahead = (x - box.x0) / box.width
    if profile.side is Side.RIGHT:
        ahead = 1 - ahead
    return 0.1 < ahead < 0.6 and 0.15 < (y - box.y0) / box.height < 0.55


def _cheek_side(eye: Box, skin: Skin) -> Side:
    """The side on which more skin lies beside and under the eye, five eyes far; outside the picture there is none."""
    reach, below = 5 * eye.width, eye.y1 + 2 * eye.height
    after = skin.area(Box(eye.x1, eye.y1, eye.x1 + reach, below))
    before = skin.area(Box(eye.x0 - reach, eye.y1, eye.x0, below))
    return Side.LEFT if after >= before else Side.RIGHT


def _has_cheek(eye: Eye, skin: Skin, width: int, height: int) -> bool:
    """Whether its cheek is skin, and most of it in the picture."""
    cheeks = [patch.box for patch in patches.from_eye(eye, width, height).patches if patch.region != Region.FOREHEAD]
    whole = (2.8 * eye.box.width) * (3.5 * eye.box.height)
    return bool(cheeks) and cheeks[0].area >= _CHEEK_IN_PICTURE * whole and skin.share(cheeks[0]) >= _CHEEK_ON_SKIN


def _looks_like_one(eye: Box, grey: NDArray[np.uint8], redness: NDArray[np.float32], scale: float) -> bool:
    """Whether its middle is darker than what lies under it, and no redder: a lesion is redder, a nostril too."""
    x0, y0, x1, y1 = (round(at * scale) for at in (eye.x0, eye.y0, eye.x1, eye.y1))
    across, down = x1 - x0, y1 - y0
    rows, columns = slice(y0 + down // 3, y1 - down // 4), slice(x0 + across // 5, x1 - across // 5)
    under = slice(y1, y1 + down), slice(x0, x1)
    if grey[rows, columns].size == 0 or grey[under].size == 0:
        return False
    darker = np.quantile(grey[rows, columns], 0.1) < 0.75 * np.median(grey[under])
    no_redder = np.quantile(redness[rows, columns], 0.3) <= np.median(redness[under])
    return bool(darker and no_redder)
