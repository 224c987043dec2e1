"""One look at a picture: its faces, who it is, and what copies of it are recognised by. Imports dlib.

`serve` is what a process of its own does for a parent: dlib computes its embeddings under Python's global lock, so only
further processes make it faster.
"""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2

from mlcore.faces import FaceFinder, FaceModelMissing
from mlcore.images import ImageRejected, decode
from mlcore.local_features import local_features

# By which method; a picture whose examination says another is looked at again.
EXAMINER: Final = "dlib-hog-resnet/sift80-320/1"
READY: Final = "ready"


@dataclass(frozen=True, slots=True)
class Examined:
    """faces: how many frontal ones were found. face_share: the largest one's height as a share of the picture's.

    embedding: 128 little-endian float32 of that one. descriptor: `LocalFeatures.pack`.
    """

    faces: int
    face_share: float | None
    embedding: bytes | None
    descriptor: bytes


def examine(data: bytes, finder: FaceFinder) -> Examined:
    """Look at a picture file. Raises ImageRejected where it is none."""
    rgb = decode(data)
    descriptor = local_features(rgb).pack()
    face = finder.frontal(rgb)
    if face is None:
        return Examined(0, None, None, descriptor)
    embedding = finder.embedding(rgb, face).astype("<f4").tobytes()
    return Examined(face.count, face.box.height / rgb.shape[0], embedding, descriptor)


def examine_file(path: Path, finder: FaceFinder) -> Examined | None:
    """Look at a picture file; None where there is none, or it can't be read."""
    try:
        return examine(path.read_bytes(), finder)
    except (OSError, ImageRejected):
        return None


def serve() -> None:
    """Say `READY`, then answer each pickled path that comes in with a pickled `Examined`, until the input ends.

    The answer is None for a file that can't be read, and the `FaceModelMissing` that was met. The input ends when the
    parent dies, too.
    """
    cv2.setNumThreads(1)
    finder = FaceFinder()
    _say(READY)
    while True:
        try:
            path = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            _say(examine_file(path, finder))
        except FaceModelMissing as error:
            _say(error)


def _say(what: object) -> None:
    pickle.dump(what, sys.stdout.buffer)
    sys.stdout.buffer.flush()
