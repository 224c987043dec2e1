"""The extractors that can be had here, and what each of them sees in the pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlcore import backbones
from mlcore.commands.progress import Progress
from mlcore.extractor import Extractor, ExtractorConfig
from mlcore.feature_store import FeatureStore, Stored
from mlcore.features import Report, Shelf, Source, completed, stream
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


class Looking:
    """The pictures as each extractor sees them, from the cache where they are there.

    A picture that can't be read or decoded is a refusal, and the next is taken.
    """

    def __init__(
        self, pictures: Sequence[Picture], extractors: Sequence[Extractor], cache: Path, progress: Progress
    ) -> None:
        self._pictures, self._extractors, self._progress = pictures, extractors, progress
        self._shelves = [Shelf(extractor, FeatureStore(cache, extractor.config.id)) for extractor in extractors]
        self._records: list[tuple[Stored, ...]] = []

    def look(self, offsets: Sequence[int]) -> tuple[Seen, ...]:
        """Every patch of every picture at these offsets."""
        wanted = (tuple(offsets),) * len(self._extractors)
        sources = [Source(one.sha256, one.path.read_bytes, wanted) for one in self._pictures]
        self._records = list(stream(self._shelves, sources, self._told("features")))
        return self._seen()

    def look_again(self, offsets: Sequence[Sequence[Sequence[int]]]) -> tuple[Seen, ...]:
        """What is wanted beyond that, and is missing. offsets: per extractor, of each picture."""
        sources = [
            Source(one.sha256, one.path.read_bytes, tuple(tuple(of_each[at]) for of_each in offsets))
            for at, one in enumerate(self._pictures)
        ]
        self._records = completed(self._shelves, sources, self._records, self._told("rolled features"))
        return self._seen()

    def _told(self, stage: str) -> Report:
        return lambda done, total: self._progress.at(stage, done, total)

    def _seen(self) -> tuple[Seen, ...]:
        return tuple(Seen(one, tuple(row[at] for row in self._records)) for at, one in enumerate(self._extractors))


def routes(seen: Sequence[Seen]) -> Mapping[Route, int]:
    """How many pictures went which way."""
    found = [record.located.route for record in seen[0].records]
    return {route: found.count(route) for route in Route if route in found}
