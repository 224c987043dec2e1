"""Features on disk, keyed by what they are made of: image sha256, extractor id, patch and roll offset.

One small safetensors file per image and extractor, so that a retrain reads few files and a worker adds what is new.
Files are replaced atomically, and what two workers add to one image at once is put together.
"""

import fcntl
import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
from safetensors import SafetensorError

from mlcore import tensor_file
from mlcore.records import Box, DroppedPatch, Located, Patch, PatchVector, Region, Route

logger = logging.getLogger(__name__)

SCHEMA: Final = 2
# Kept with every record, so that refusals by older code can be found and tried again.
CODE_VERSION: Final = "2"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ID: Final = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of one image under one extractor; a refused image has a reason and no vectors."""

    located: Located
    width: int
    height: int
    vectors: tuple[PatchVector, ...] = ()
    code_version: str = CODE_VERSION

    def missing(self, wanted: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Those (patch, offset) pairs of `wanted` that have no vector yet, in order."""
        present = {(vector.patch, vector.offset) for vector in self.vectors}
        return [pair for pair in wanted if pair not in present]

    def with_vectors(self, added: Iterable[PatchVector]) -> "Stored":
        """The same record with further vectors; one that is there already is replaced."""
        merged = {(vector.patch, vector.offset): vector for vector in (*self.vectors, *added)}
        vectors = tuple(merged[key] for key in sorted(merged))
        return Stored(self.located, self.width, self.height, vectors, self.code_version)

    @classmethod
    def refusal(cls, code: str, reason: str, width: int = 0, height: int = 0) -> "Stored":
        """The record of an image that could not be decoded, or in which no skin was found."""
        return cls(Located(Route.REFUSED, reason, (), code=code), width, height)


class FeatureStore:
    """The features of one extractor under a folder that workers may share."""

    def __init__(self, root: Path, extractor_id: str) -> None:
        if not _ID.fullmatch(extractor_id):
            raise ValueError(f"{extractor_id!r} is no extractor id")
        self._folder = root / extractor_id

    def get(self, sha256: str) -> Stored | None:
        """The record of that image; None where there is none, or where its file is damaged (which is logged)."""
        path = self._path(sha256)
        try:
            return _unpack(path.read_bytes())
        except FileNotFoundError:
            return None
        except (SafetensorError, ValueError, KeyError, TypeError, IndexError) as error:
            logger.warning("damaged feature file %s is ignored: %s", path.name, error)
            return None

    def add(self, sha256: str, stored: Stored) -> Stored:
        """Write the record, together with the vectors that the store has of the same patches; returns the whole."""
        path = self._path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.parent):
            known = self.get(sha256)
            if known is not None and known.located == stored.located:
                stored = stored.with_vectors(known.vectors)
            self.put(sha256, stored)
        return stored

    def put(self, sha256: str, stored: Stored) -> None:
        """Write the record, replacing an older one, in one atomic step."""
        tensor_file.put(self._path(sha256), _pack(stored))

    def remove(self, sha256: str) -> bool:
        """Erase the record of an image; False where there was none."""
        try:
            self._path(sha256).unlink()
        except FileNotFoundError:
            return False
        return True

    def _path(self, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is no sha256 in lower-case hex")
        return self._folder / sha256[:2] / f"{sha256}.safetensors"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other writers of that folder waiting; readers need not, as files appear whole."""
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _pack(stored: Stored) -> bytes:
    located = stored.located
    header = {
        "schema": SCHEMA,
        "code_version": stored.code_version,
        "width": stored.width,
        "height": stored.height,
        "route": located.route,
        "code": located.code,
        "reason": located.reason,
        "faces": located.faces,
        "eye_distance": located.eye_distance,
        "patches": [asdict(patch) for patch in located.patches],
        "dropped": [asdict(patch) for patch in located.dropped],
        "vectors": [(vector.patch, vector.offset) for vector in stored.vectors],
    }
    rows = [vector.vector for vector in stored.vectors]
    table = np.stack(rows).astype(np.float32) if rows else np.zeros((0, 0), dtype=np.float32)
    return tensor_file.saved({"vectors": table}, {"record": json.dumps(header)})


def _unpack(data: bytes) -> Stored:
    table = tensor_file.load(data)["vectors"]
    # A safetensors file begins with the length of its JSON header, eight bytes, little-endian.
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["record"])
    if header["schema"] != SCHEMA:
        raise ValueError(f"schema {header['schema']} is not {SCHEMA}")
    patches = tuple(Patch(Region(patch["region"]), Box(**patch["box"])) for patch in header["patches"])
    dropped = tuple(DroppedPatch(Region(patch["region"]), patch["reason"]) for patch in header["dropped"])
    located = Located(
        Route(header["route"]),
        header["reason"],
        patches,
        code=header["code"],
        faces=header["faces"],
        dropped=dropped,
        eye_distance=header["eye_distance"],
    )
    keys = header["vectors"]
    if len(keys) != len(table):
        raise ValueError(f"{len(keys)} vectors announced, {len(table)} there")
    vectors = tuple(
        PatchVector(int(k), int(o), row, patches[int(k)].region) for (k, o), row in zip(keys, table, strict=True)
    )
    return Stored(located, header["width"], header["height"], vectors, header["code_version"])
