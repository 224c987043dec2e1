"""From pixels to features: the one path that training and scoring share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from mlcore import backbones
from mlcore.locating import FINDER_VERSION, Locator
from mlcore.patches import GOLDFOLD
from mlcore.records import Backbone, Finder, Located, Patch, PatchVector, Pixels, Region, Vectors

ROLL_STEPS: Final = 12
# Offsets from here on are those of the mirrored patch.
MIRRORED: Final = ROLL_STEPS
_VIEW_OFFSETS: Final = (0, MIRRORED)

Pair = tuple[int, int]
# By patch and side, of one picture.
Squares = dict[tuple[Patch, int], Pixels]


class ExtractorMismatch(RuntimeError):
    """What is installed here can't make the features that a configuration describes."""


@dataclass(frozen=True, slots=True)
class ExtractorConfig:
    """All that decides which numbers an extractor makes. Same configuration, same features.

    input_size, face_size: sides of the inputs for a patch and for the view of the whole face in pixels; the view is
    not embedded where face_size is 0. pooling, blocks, precision: see `records.Backbone`.
    """

    backbone: str
    weights_id: str
    input_size: int
    face_size: int = 0
    pooling: str = "final"
    blocks: tuple[int, ...] = ()
    precision: str = "float32"
    geometry: str = GOLDFOLD
    detector: str = FINDER_VERSION

    @property
    def id(self) -> str:
        """First 16 hex digits of the sha256 of the configuration's canonical JSON."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @property
    def dim(self) -> int:
        return sum(self.blocks)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> ExtractorConfig:
        """Raises ExtractorMismatch for fields of another version of this class."""
        try:
            return cls(**{**fields, "blocks": tuple(fields["blocks"])})
        except (KeyError, TypeError) as error:
            raise ExtractorMismatch(f"unreadable extractor configuration: {error}") from error


def configure(backbone: Backbone, geometry: str = GOLDFOLD) -> ExtractorConfig:
    """The configuration that uses this backbone with that geometry and the current detector."""
    return ExtractorConfig(
        backbone=backbone.name,
        weights_id=backbone.weights_id,
        input_size=backbone.input_size,
        face_size=backbone.face_size,
        pooling=backbone.pooling,
        blocks=backbone.blocks,
        precision=backbone.precision,
        geometry=geometry,
    )


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a picture's features are made from: small squares, so that the picture itself can be let go.

    pairs: (index of the patch, offset) each. squares: the patches among them, (side, side, 3), by index, not rolled.
    regions: of each pair's patch.
    """

    pairs: tuple[Pair, ...]
    squares: Mapping[int, Pixels]
    regions: tuple[Region, ...]

    def rolled(self) -> list[Pixels]:
        """The backbone's input for each pair."""
        return [
            roll(self.squares[at], region, offset)
            for (at, offset), region in zip(self.pairs, self.regions, strict=True)
        ]


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
        self.backbone = backbone or backbones.load(
            config.backbone, weights_dir, precision=config.precision, pooling=config.pooling
        )
        try:
            self.locator = Locator(finder, config.geometry)
        except ValueError as error:
            raise ExtractorMismatch(str(error)) from error
        here = configure(self.backbone, config.geometry)
        if here != config:
            raise ExtractorMismatch(f"features of {config} are asked for, but {here} is what is installed")

    def locate(self, rgb: Pixels) -> Located:
        """Find the patches, or refuse with a reason (see `mlcore.locating`). Never the whole picture as if it were
        skin."""
        return self.locator.locate(rgb)

    def takes(self, region: Region, offset: int) -> bool:
        """Whether a patch of that region is embedded at that offset. The view of a face is never rolled."""
        if region is Region.FACE:
            return self.config.face_size > 0 and offset in _VIEW_OFFSETS
        return 0 <= offset < 2 * ROLL_STEPS

    def pairs(self, cut: Sequence[Patch], offsets: Iterable[int]) -> list[Pair]:
        """All (index of the patch, offset) that these patches are embedded at, of these offsets."""
        wanted = tuple(offsets)
        return [(at, offset) for at, patch in enumerate(cut) for offset in wanted if self.takes(patch.region, offset)]

    def embed_at(
        self, rgb: Pixels, cut: Sequence[Patch], wanted: Sequence[Pair], known: Squares | None = None
    ) -> tuple[PatchVector, ...]:
        """Vectors of these (index of the patch, offset) pairs, in that order, without those it does not take.

        known: as for `prepare`.
        """
        return self.embed_prepared([self.prepare(rgb, cut, wanted, known)])[0]

    def prepare(
        self, rgb: Pixels, cut: Sequence[Patch], wanted: Sequence[Pair], known: Squares | None = None
    ) -> Prepared:
        """Cut out what the vectors of these pairs are made from.

        known: squares of the same picture, for extractors that look at it one after the other; what is cut is added.
        """
        known = {} if known is None else known
        pairs = tuple((at, offset) for at, offset in wanted if self.takes(cut[at].region, offset))
        squares = {}
        for at in sorted({at for at, _ in pairs}):
            key = cut[at], self._side(cut[at].region)
            if key not in known:
                known[key] = resize(rgb, *key)
            squares[at] = known[key]
        return Prepared(pairs, squares, tuple(cut[at].region for at, _ in pairs))

    def embed_prepared(self, pictures: Sequence[Prepared]) -> list[tuple[PatchVector, ...]]:
        """The vectors of each picture, in one batch for each size of input."""
        squares = [square for picture in pictures for square in picture.rolled()]
        vectors = iter(self._embed_all(squares))
        return [
            tuple(
                PatchVector(*pair, next(vectors), region)
                for pair, region in zip(picture.pairs, picture.regions, strict=True)
            )
            for picture in pictures
        ]

    def _embed_all(self, squares: Sequence[Pixels]) -> list[Vectors]:
        found: list[Vectors] = [_NOTHING] * len(squares)
        for side in sorted({len(square) for square in squares}, reverse=True):
            places = [at for at, square in enumerate(squares) if len(square) == side]
            vectors = self.backbone.embed(np.stack([squares[at] for at in places]))
            for at, vector in zip(places, vectors, strict=True):
                found[at] = vector
        return found

    def _side(self, region: Region) -> int:
        return self.config.face_size if region is Region.FACE else self.config.input_size


_NOTHING: Final[Vectors] = np.zeros(0, dtype=np.float32)


def resize(rgb: Pixels, patch: Patch, side: int) -> Pixels:
    """The patch as (side, side, 3): averaged over areas when it shrinks, bilinear when it grows."""
    box = patch.box
    crop = rgb[box.y0 : box.y1, box.x0 : box.x1]
    shrinks = min(crop.shape[:2]) >= side
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(crop, (side, side), interpolation=method), dtype=np.uint8)


def roll(square: Pixels, region: Region, offset: int) -> Pixels:
    """Roll a square patch by that many twelfths: a forehead from right to left, other regions from the bottom up.

    From `MIRRORED` on, the same of the patch mirrored left to right.
    """
    mirrored, twelfths = divmod(offset, ROLL_STEPS)
    seen = square[:, ::-1] if mirrored else square
    shift = -round(twelfths * square.shape[0] / ROLL_STEPS)
    return np.roll(seen, shift, axis=1 if region is Region.FOREHEAD else 0)
