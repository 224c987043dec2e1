"""The features of the published recipe, kept between runs by what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as cached

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.grades.cache import Cache
from bench.recipe.cutting import Found, Pieces, cut
from bench.recipe.rolling import rolled
from mlcore.records import Backbone, Box, Finder, Patch, Pixels, Region

VERSION = "recipe-1"
Rows = NDArray[np.float32]
_REGIONS = tuple(Region)
_FOUND = tuple(Found)


@dataclass(frozen=True, slots=True)
class Features:
    """Of one picture: (patches, rolls + 1, dim); the first of the second axis is the patch as it is."""

    found: Found
    rows: Rows

    @property
    def as_it_is(self) -> Rows:
        return self.rows[:, 0]


class PublishedFeatures:
    """Features of pictures by the recipe, each computed once."""

    def __init__(self, backbone: Backbone, finder: Finder, cache: Cache) -> None:
        self._backbone, self._finder, self._cache = backbone, finder, cache

    def of(self, sha256: str, picture: Callable[[], Pixels], times: int) -> Features:
        """The picture's patches, each as it is and rolled `times` times. Kept as float16, as theirs were.

        `picture` decodes it, and is called only if something is missing.
        """
        rgb = cached(picture)
        pieces = self._pieces(sha256, rgb)
        kind = (VERSION, self._backbone.name, self._backbone.weights_id, self._backbone.precision, sha256)

        # The patch as it is does not depend on how often it is rolled.
        stacks = [self._cache.array((*kind, "as it is"), lambda: self._embed(rgb(), pieces, 0))]
        if times:
            stacks.append(self._cache.array((*kind, f"{times} rolls"), lambda: self._embed(rgb(), pieces, times)))
        shaped = [stack.reshape(len(pieces.patches), -1, self._backbone.dim) for stack in stacks]
        return Features(pieces.found, np.concatenate(shaped, axis=1).astype(np.float32))

    def _embed(self, rgb: Pixels, pieces: Pieces, times: int) -> NDArray[np.float16]:
        """(patches, rolls, dim), the patch as it is left out; (patches, 1, dim) of that one where it is not rolled."""
        squares = [
            _resized(piece, self._backbone.input_size)
            for patch in pieces.patches
            for piece in _turned(rgb, patch, times)
        ]
        vectors = self._backbone.embed(np.stack(squares)).astype(np.float16)
        return vectors.reshape(len(pieces.patches), -1, self._backbone.dim)

    def _pieces(self, sha256: str, rgb: Callable[[], Pixels]) -> Pieces:
        table = self._cache.array((VERSION, "pieces", sha256), lambda: _written(cut(self._finder, rgb())))
        return _read(table)


def _turned(rgb: Pixels, patch: Patch, times: int) -> list[Pixels]:
    box = patch.box
    turns = rolled(rgb[box.y0 : box.y1, box.x0 : box.x1], patch.region, times)
    return turns[1:] or turns


def _resized(piece: Pixels, side: int) -> Pixels:
    method = cv2.INTER_AREA if min(piece.shape[:2]) >= side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(piece, (side, side), interpolation=method), dtype=np.uint8)


def _written(pieces: Pieces) -> NDArray[np.int32]:
    rows = [(_REGIONS.index(patch.region), *_corners(patch.box)) for patch in pieces.patches]
    return np.array([(_FOUND.index(pieces.found), 0, 0, 0, 0), *rows], dtype=np.int32)


def _read(table: NDArray[np.int32]) -> Pieces:
    patches = tuple(Patch(_REGIONS[region], Box(*corners)) for region, *corners in table[1:].tolist())
    return Pieces(_FOUND[int(table[0, 0])], patches)


def _corners(box: Box) -> tuple[int, int, int, int]:
    return box.x0, box.y0, box.x1, box.y1
