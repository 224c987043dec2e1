"""From pixels to features: the one path that training and scoring share."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from mlcore import backbones, patches
from mlcore.locating import Locator
from mlcore.records import Backbone, Finder, Located, Offsets, Patch, PatchVector, Pixels, Region

ROLL_STEPS: Final = 12
DETECTOR_VERSION: Final = "dlib-480-1"


class ExtractorMismatch(RuntimeError):
    """What is installed here can't make the features that a configuration describes."""


@dataclass(frozen=True, slots=True)
class ExtractorConfig:
    """All that decides which numbers an extractor makes. Same configuration, same features."""

    backbone: str
    weights_id: str
    input_size: int
    precision: str = "float32"
    geometry: str = patches.VERSION
    detector: str = DETECTOR_VERSION

    @property
    def id(self) -> str:
        """First 16 hex digits of the sha256 of the configuration's canonical JSON."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "ExtractorConfig":
        """Raises ExtractorMismatch for fields of another version of this class."""
        try:
            return cls(**fields)
        except TypeError as error:
            raise ExtractorMismatch(f"unreadable extractor configuration: {error}") from error


def configure(backbone: Backbone) -> ExtractorConfig:
    """The configuration that uses this backbone with the current geometry and detector."""
    return ExtractorConfig(backbone.name, backbone.weights_id, backbone.input_size, backbone.precision)


class Extractor:
    """Locates skin patches in a picture and turns them into vectors.

    Raises ExtractorMismatch where the geometry, the detector or the weights are not those of the configuration, and
    BackboneUnavailable where the backbone can't be had.
    """

    def __init__(
        self,
        config: ExtractorConfig,
        weights_dir: Path | None = None,
        *,
        finder: Finder | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        self.config = config
        self.backbone = backbone or backbones.load(config.backbone, weights_dir, precision=config.precision)
        here = configure(self.backbone)
        if here != config:
            raise ExtractorMismatch(f"features of {config} are asked for, but {here} is what is installed")
        self._locator = Locator(finder, config.geometry)

    def locate(self, rgb: Pixels) -> Located:
        """As `mlcore.locating.Locator.locate`."""
        return self._locator.locate(rgb)

    def embed(self, rgb: Pixels, located: Located, offsets: Offsets | None = None) -> tuple[PatchVector, ...]:
        """Vectors of every patch at the offsets wanted of its region (in twelfths; without an entry, unrolled only)."""
        wanted = [
            (index, offset)
            for index, patch in enumerate(located.patches)
            for offset in (offsets or {}).get(patch.region, (0,))
        ]
        return self.embed_at(rgb, located.patches, wanted)

    def embed_at(self, rgb: Pixels, cut: Sequence[Patch], wanted: Sequence[tuple[int, int]]) -> tuple[PatchVector, ...]:
        """Vectors of exactly these (index of the patch, offset) pairs, in that order, in one batch."""
        if not wanted:
            return ()
        resized = {index: resize(rgb, cut[index], self.config.input_size) for index, _ in wanted}
        batch = np.stack([roll(resized[index], cut[index].region, offset) for index, offset in wanted])
        vectors = self.backbone.embed(batch)
        return tuple(
            PatchVector(*pair, vector, cut[pair[0]].region) for pair, vector in zip(wanted, vectors, strict=True)
        )


def resize(rgb: Pixels, patch: Patch, side: int) -> Pixels:
    """The patch as (side, side, 3): averaged over areas when it shrinks, bilinear when it grows."""
    box = patch.box
    crop = rgb[box.y0 : box.y1, box.x0 : box.x1]
    shrinks = min(crop.shape[:2]) >= side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (side, side), interpolation=method), dtype=np.uint8)


def roll(square: Pixels, region: Region, offset: int) -> Pixels:
    """Roll a square patch by that many twelfths: a forehead from right to left, other regions from the bottom up."""
    side = square.shape[0]
    shift = -round(offset * side / ROLL_STEPS)
    return np.roll(square, shift, axis=1 if region is Region.FOREHEAD else 0)
