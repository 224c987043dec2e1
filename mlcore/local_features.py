"""What is kept of a picture to recognise copies of it: its strongest local features and a small grey thumbnail.

Local features (SIFT: D. G. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 60(2), 2004) stay
where they are in a copy that was re-encoded, resized, cropped, or made brighter. Their vectors are kept as square roots
(Arandjelović and Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012), in four bits
a number, which leaves their cosines within some 0.01. A mirror image needs no look of its own: `mirrored` says what its
features would be.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from mlcore.records import Pixels

WORKING_SIDE: Final = 320
MOST_FEATURES: Final = 80
THUMBNAIL_SIDE: Final = 48
_NUMBERS: Final = 128
# The square root of a number of a vector whose sum is 1 is seldom more than this; 15 steps reach it.
_LARGEST: Final = 0.32
_STEPS: Final = 15
# Places are kept in 1/64 pixel of the working copy.
_PER_PIXEL: Final = 64
# OpenCV finds features on a copy of twice the size, and says a quarter of a pixel too much for where they are.
_TOO_FAR: Final = 0.25
_HEAD: Final = struct.Struct("<HHB")
# 4 rows × 4 columns × 8 directions, in the frame of a feature's own direction: mirroring turns the rows and the
# directions round.
_LAYOUT: Final = np.arange(_NUMBERS).reshape(4, 4, 8)
_MIRRORED: Final = _LAYOUT[::-1, :, (-np.arange(8)) % 8].ravel()


@dataclass(frozen=True, slots=True, eq=False)
class LocalFeatures:
    """width, height: of the working copy, at most `WORKING_SIDE` pixels long. points: (n, 2) float32, x and y in its
    pixels. vectors: (n, 128) uint8, 0 … 15. thumbnail: (48, 48) uint8 luma of the whole picture.
    """

    width: int
    height: int
    points: NDArray[np.float32]
    vectors: NDArray[np.uint8]
    thumbnail: NDArray[np.uint8]

    def mirrored(self) -> LocalFeatures:
        """The features of the picture's mirror image (left for right)."""
        points = self.points.copy()
        points[:, 0] = self.width - 1 - points[:, 0]
        turned = np.ascontiguousarray(self.thumbnail[:, ::-1])
        return LocalFeatures(self.width, self.height, points, self.vectors[:, _MIRRORED], turned)

    def pack(self) -> bytes:
        """At most 7.8 KB."""
        places = np.round(self.points * _PER_PIXEL).clip(0, 2**16 - 1).astype("<u2")
        halves = self.vectors[:, 0::2] | (self.vectors[:, 1::2] << 4)
        head = _HEAD.pack(self.width, self.height, len(self.points))
        return head + self.thumbnail.tobytes() + places.tobytes() + halves.tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> LocalFeatures:
        """Raises ValueError for bytes that `pack` did not make."""
        pixels = THUMBNAIL_SIDE * THUMBNAIL_SIDE
        if len(data) < _HEAD.size + pixels:
            raise ValueError("these are no packed features")
        width, height, count = _HEAD.unpack_from(data)
        if len(data) != _HEAD.size + pixels + count * (4 + _NUMBERS // 2):
            raise ValueError("these are no packed features")
        thumbnail = np.frombuffer(data, np.uint8, pixels, _HEAD.size).reshape(THUMBNAIL_SIDE, THUMBNAIL_SIDE)
        places = np.frombuffer(data, "<u2", 2 * count, _HEAD.size + pixels).reshape(count, 2)
        halves = np.frombuffer(data, np.uint8, count * _NUMBERS // 2, _HEAD.size + pixels + 4 * count)
        vectors = np.empty((count, _NUMBERS), dtype=np.uint8)
        vectors[:, 0::2] = halves.reshape(count, _NUMBERS // 2) & 15
        vectors[:, 1::2] = halves.reshape(count, _NUMBERS // 2) >> 4
        return cls(width, height, np.divide(places, _PER_PIXEL, dtype=np.float32), vectors, thumbnail)


def local_features(rgb: Pixels) -> LocalFeatures:
    """The features of an RGB picture (height, width, 3) uint8, strongest first; none where it is all one colour."""
    luma = cv2.cvtColor(_working_copy(rgb), cv2.COLOR_RGB2GRAY)
    found, vectors = _detector().detectAndCompute(luma, None)
    strongest = sorted(range(len(found)), key=lambda at: -found[at].response)[:MOST_FEATURES]
    points = np.array([found[at].pt for at in strongest], dtype=np.float32).reshape(-1, 2) - np.float32(_TOO_FAR)
    roots = np.zeros((0, _NUMBERS), dtype=np.float32) if vectors is None else np.asarray(vectors)[strongest]
    roots = np.sqrt(roots / np.maximum(roots.sum(axis=1, keepdims=True), 1))
    quantised = np.round(roots * (_STEPS / _LARGEST)).clip(0, _STEPS).astype(np.uint8)
    thumbnail = cv2.resize(luma, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    return LocalFeatures(luma.shape[1], luma.shape[0], points, quantised, np.asarray(thumbnail, dtype=np.uint8))


def _working_copy(rgb: Pixels) -> Pixels:
    """Always of the same length, so that features have the same size on copies of any size."""
    height, width = rgb.shape[:2]
    scale = WORKING_SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, size, interpolation=how), dtype=np.uint8)


@lru_cache(maxsize=1)
def _detector() -> cv2.SIFT:
    # A lower contrast threshold than Lowe's 0.04, as smooth skin and over-exposed copies have little contrast.
    return cv2.SIFT.create(nfeatures=MOST_FEATURES, contrastThreshold=0.02)
