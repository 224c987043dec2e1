"""Pictures for the vision tests: noise and gradients drawn here, faces from the synthetic cohort."""

import io
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from mlcore.faces import FaceFinder
from mlcore.records import Pixels
from mlcore.synthetic import CohortConfig, cohort, draw_face
from mlcore.synthetic_records import Face


def scene(width: int = 160, height: int = 120, seed: int = 0) -> Pixels:
    """A smooth colourful picture: JPEG-friendly, not symmetric in any direction."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def encoded(picture: Image.Image | Pixels, kind: str = "PNG", **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@lru_cache(maxsize=1)
def faces() -> tuple[Face, ...]:
    """A dozen drawn faces; their subjects say how they look."""
    config = CohortConfig(size=12, seed=7, confounders=0.2, profile_share=0.3)
    return tuple(draw_face(subject, config) for subject in cohort(config))


@lru_cache(maxsize=1)
def finder() -> FaceFinder:
    """One finder for all tests of a process: its landmark model takes a second to read."""
    return FaceFinder()


def frontal_face() -> Face:
    return min(faces(), key=lambda face: abs(face.subject.yaw))


def profile_face() -> Face:
    return max(faces(), key=lambda face: abs(face.subject.yaw))
