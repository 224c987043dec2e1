"""Pictures to measure with: drawn selfies as JPEG files, and as many different ones of them as are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlcore.features import Source
from mlcore.records import Landmarks, Pixels
from mlcore.synthetic import CohortConfig, cohort, draw_face, encode_jpeg

SEED = 2018


@dataclass(frozen=True)
class Selfie:
    """A drawn selfie's file. copy: tells apart files that show the same; it is no part of the picture."""

    jpeg: bytes
    copy: int = 0

    def data(self) -> bytes:
        # What comes behind the end of a JPEG is not looked at.
        return self.jpeg + self.copy.to_bytes(4, "big")

    @cached_property
    def sha256(self) -> str:
        """Known of every image of a study since its import."""
        return hashlib.sha256(self.data()).hexdigest()

    def source(self, offsets: Sequence[Sequence[int]] = ((0,),)) -> Source:
        return Source(self.sha256, self.data, tuple(tuple(each) for each in offsets))


def selfies(count: int, width: int = 480, height: int = 640) -> list[Selfie]:
    """Frontal faces of all tones."""
    config = CohortConfig(size=count, seed=SEED, profile_share=0.0, width=width, height=height)
    return [Selfie(encode_jpeg(draw_face(subject, config))) for subject in cohort(config)]


def multiplied(drawn: Sequence[Selfie], count: int) -> list[Selfie]:
    """That many different files of so few pictures."""
    return [Selfie(drawn[at % len(drawn)].jpeg, at) for at in range(count)]


class KnownFace:
    """A finder that has been told where the face is, where finding it is not what is measured."""

    def __init__(self, landmarks: Landmarks) -> None:
        self._landmarks = landmarks

    def frontal(self, rgb: Pixels, weakest: float = 0.0) -> Landmarks | None:
        return self._landmarks

    def one_eye(self, rgb: Pixels) -> None:
        return None


class Glance:
    """A backbone that costs next to nothing: a vector as long as a real one's, which follows the picture's colours.

    Counts what it is given.
    """

    name, weights_id, precision, pooling, feels_rolls = "glance", "1", "float32", "stages", True
    input_size, face_size = 224, 448

    def __init__(self, blocks: tuple[int, ...] = (2288,)) -> None:
        self.blocks, self.dim = blocks, sum(blocks)
        self.seen = 0
        self._spread = np.random.default_rng(SEED).normal(size=(48, self.dim)).astype(np.float32)

    def embed(self, batch: Pixels) -> np.ndarray:
        self.seen += len(batch)
        step = batch.shape[1] // 4
        corners = batch[:, ::step, ::step][:, :4, :4].reshape(len(batch), -1).astype(np.float32) / 255
        return np.asarray(corners @ self._spread, dtype=np.float32)
