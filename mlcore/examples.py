"""What a training is given: labelled images, and what each extractor saw in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlcore.extractor import ExtractorConfig
from mlcore.records import PatchVector, Rating


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled image.

    sha256: names it, in any form that is unique. group: what must stay on one side of a split, such as a person or a
    cluster of near-duplicates. target: its severity on the study's scale, the mean of its grades. ratings: the grades
    behind the target, where they are known; they tell the raters' biases.
    """

    sha256: str
    group: str
    target: float
    ratings: tuple[Rating, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpertData:
    """What one extractor saw in the examples.

    vectors: per example, in the examples' order; empty where the image was refused. feels_rolls: as the backbone says;
    where False, nothing is rolled. blocks: lengths of the consecutive parts of a vector that are to weigh alike in a
    linear model (the stages of a backbone); () takes the vector as one.
    """

    extractor: ExtractorConfig
    vectors: Sequence[Sequence[PatchVector]]
    feels_rolls: bool = False
    blocks: tuple[int, ...] = ()
