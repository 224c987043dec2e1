"""The extractors that can be had here, and what each of them sees in the pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlcore import backbones
from mlcore.commands.progress import Progress
from mlcore.extractor import Extractor, configure
from mlcore.faces import FaceFinder
from mlcore.feature_store import FeatureStore, Stored
from mlcore.features import ensure
from mlcore.records import BACKBONES, Route

UNREADABLE: Final = "unreadable"


@dataclass(frozen=True, slots=True)
class Picture:
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True)
class Seen:
    """One extractor's records of the pictures, in their order."""

    extractor: Extractor
    records: tuple[Stored, ...]


def open_extractors(weights_dir: Path | None, progress: Progress) -> tuple[Extractor, ...]:
    """One for each backbone whose weights are there, and `texture`, which needs none."""
    finder = FaceFinder()
    names = [name for name in BACKBONES if backbones.weights_file(name, weights_dir) is not None]
    if not names:
        progress.say("no backbone's weights were found (--weights DIR); only texture is used, which is less accurate.")
    extractors = []
    for name in ("texture", *names):
        backbone = backbones.load(name, weights_dir)
        extractors.append(Extractor(configure(backbone), weights_dir, finder=finder, backbone=backbone))
    progress.say(f"extractors: {', '.join(one.config.backbone for one in extractors)}")
    return tuple(extractors)


def look(
    pictures: Sequence[Picture],
    extractors: Sequence[Extractor],
    cache: Path,
    offsets: Sequence[Sequence[Sequence[int]]],
    progress: Progress,
    stage: str = "features",
) -> tuple[Seen, ...]:
    """What each extractor sees in each picture, from the cache where it is there.

    offsets: per extractor, of each picture, what is wanted of every patch. A picture that can't be read or decoded is
    a refusal, and the next is taken.
    """
    stores = [FeatureStore(cache, extractor.config.id) for extractor in extractors]
    records: list[list[Stored]] = [[] for _ in extractors]
    for at, picture in enumerate(pictures):
        for number, extractor in enumerate(extractors):
            records[number].append(_see(stores[number], extractor, picture, offsets[number][at]))
        progress.at(stage, at + 1, len(pictures))
    return tuple(Seen(one, tuple(found)) for one, found in zip(extractors, records, strict=True))


def everywhere(offsets: Sequence[int], extractors: int, pictures: int) -> list[list[Sequence[int]]]:
    """The same offsets of every picture for every extractor."""
    return [[offsets] * pictures for _ in range(extractors)]


def routes(seen: Sequence[Seen]) -> Mapping[Route, int]:
    """How many pictures went which way."""
    found = [record.located.route for record in seen[0].records]
    return {route: found.count(route) for route in Route if route in found}


def _see(store: FeatureStore, extractor: Extractor, picture: Picture, offsets: Sequence[int]) -> Stored:
    try:
        return ensure(store, extractor, picture.sha256, picture.path.read_bytes, offsets)
    except OSError as error:
        return Stored.refusal(UNREADABLE, f"The file can't be read: {error.strerror}.")
