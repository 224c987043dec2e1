"""Which pictures belong together where no table says so: copies of one picture, and pictures of one person.

What is seen of a picture is kept in the cache, as it takes a third of a second.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from mlcore import tensor_file
from mlcore.commands.labelled import Subject
from mlcore.commands.progress import Progress
from mlcore.examiner import EXAMINER, examine
from mlcore.faces import FaceFinder
from mlcore.images import ImageRejected
from mlcore.near_duplicates import find_copies
from mlcore.persons import same_persons

_FOLDER: Final = "likeness-" + EXAMINER.replace("/", "-")
Bytes = NDArray[np.uint8]
logger = logging.getLogger(__name__)
_NOTHING: Final[dict[str, Bytes]] = {"descriptor": np.zeros(0, np.uint8), "embedding": np.zeros(0, np.uint8)}


def pairs_alike(subjects: Sequence[Subject], cache: Path, progress: Progress) -> list[tuple[int, int]]:
    """Pairs of places that belong together; pictures that can't be decoded are alone."""
    finder = FaceFinder()
    seen = []
    for done, subject in enumerate(subjects, 1):
        seen.append(_seen(subject, cache / _FOLDER, finder))
        progress.at("looking for copies and persons", done, len(subjects))
    packed = [None if not len(one["descriptor"]) else one["descriptor"].tobytes() for one in seen]
    copies = find_copies(packed, [None] * len(packed))
    faces = [at for at, one in enumerate(seen) if len(one["embedding"])]
    embeddings = np.array([seen[at]["embedding"].view("<f4") for at in faces], dtype=np.float32).reshape(-1, 128)
    persons = same_persons(embeddings, [None] * len(faces))
    return [(copy.first, copy.second) for copy in copies] + [(faces[one.first], faces[one.second]) for one in persons]


def _seen(subject: Subject, folder: Path, finder: FaceFinder) -> dict[str, Bytes]:
    path = folder / subject.sha256[:2] / f"{subject.sha256}.safetensors"
    try:
        known: dict[str, Bytes] = tensor_file.load(path.read_bytes())
        return {"descriptor": known["descriptor"], "embedding": known["embedding"]}
    except (OSError, SafetensorError, KeyError):
        found = _look(subject, finder)
    if found is None:
        return _NOTHING
    tensor_file.put(path, tensor_file.saved(found))
    return found


def _look(subject: Subject, finder: FaceFinder) -> dict[str, Bytes] | None:
    """None where looking failed, which another run may not."""
    try:
        examined = examine(subject.path.read_bytes(), finder)
    except ImageRejected:
        return _NOTHING
    # A picture may hit a fault that nobody foresaw, in a decoder or a detector; the others are looked at all the same.
    except Exception:
        logger.exception("%s could not be compared with the others", subject.names[0])
        return None
    return {
        "descriptor": np.frombuffer(examined.descriptor, np.uint8),
        "embedding": np.frombuffer(examined.embedding or b"", np.uint8),
    }
