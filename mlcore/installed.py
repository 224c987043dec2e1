"""Which extractors can be had on this machine without a download."""

from collections.abc import Sequence
from pathlib import Path

from mlcore import backbones
from mlcore.extractor import Extractor, configure
from mlcore.faces import FaceFinder
from mlcore.records import BACKBONES


def installed(weights_dir: Path | None = None) -> tuple[str, ...]:
    """`texture`, which needs no file, and each of the known backbones whose weights are there.

    weights_dir: as `backbones.load` takes it.
    """
    return tuple(name for name in BACKBONES if name == "texture" or backbones.weights_file(name, weights_dir))


def extractors_of(names: Sequence[str], weights_dir: Path | None = None) -> tuple[Extractor, ...]:
    """One for each backbone; they share a face finder, as its models are large. Raises BackboneUnavailable."""
    finder = FaceFinder()
    opened = [backbones.load(name, weights_dir) for name in dict.fromkeys(names)]
    return tuple(Extractor(configure(one), weights_dir, finder=finder, backbone=one) for one in opened)
