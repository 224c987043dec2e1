"""The extractors that can be had here, and what each of them sees in the pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlcore import backbones
from mlcore.commands.progress import Progress
from mlcore.extractor import Extractor, ExtractorConfig
from mlcore.feature_store import FeatureStore, Stored
from mlcore.features import Shelf, Source, stream
from mlcore.installed import extractors_of, installed
from mlcore.records import Route


@dataclass(frozen=True, slots=True)
class Picture:
    sha256: str
    path: Path


@dataclass(frozen=True, slots=True)
class Seen:
    """One extractor's records of the pictures, in their order."""

    extractor: Extractor
    records: tuple[Stored, ...]


def open_extractors(weights_dir: Path | None, progress: Progress, wanted: Sequence[str] = ()) -> tuple[Extractor, ...]:
    """Of each backbone that is wanted; by default of each that is installed. Raises BackboneUnavailable where one that
    is wanted can't be had.
    """
    names = tuple(wanted) or installed(weights_dir)
    if names == ("texture",) and not wanted:
        progress.say("no backbone's weights were found (--weights DIR); only texture is used, which is less accurate.")
    opened = extractors_of(names, weights_dir)
    progress.say(f"extractors: {', '.join(one.config.backbone for one in opened)}")
    return opened


def weights_used(configs: Sequence[ExtractorConfig], weights_dir: Path | None) -> list[Path]:
    """The files that these extractors' backbones were read from."""
    found = {backbones.weights_file(config.backbone, weights_dir) for config in configs}
    return sorted(path for path in found if path is not None)


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
    shelves = [Shelf(extractor, FeatureStore(cache, extractor.config.id)) for extractor in extractors]
    sources = [
        Source(picture.sha256, picture.path.read_bytes, tuple(tuple(of_each[at]) for of_each in offsets))
        for at, picture in enumerate(pictures)
    ]
    found = list(stream(shelves, sources, lambda done, total: progress.at(stage, done, total)))
    return tuple(Seen(one, tuple(row[at] for row in found)) for at, one in enumerate(extractors))


def everywhere(offsets: Sequence[int], extractors: int, pictures: int) -> list[list[Sequence[int]]]:
    """The same offsets of every picture for every extractor."""
    return [[offsets] * pictures for _ in range(extractors)]


def routes(seen: Sequence[Seen]) -> Mapping[Route, int]:
    """How many pictures went which way."""
    found = [record.located.route for record in seen[0].records]
    return {route: found.count(route) for route in Route if route in found}
