"""What a training is given: labelled images, and what each extractor saw in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mlcore.extractor import ExtractorConfig
from mlcore.records import PatchVector


@dataclass(frozen=True, slots=True)
class Rating:
    """One grade: who gave it (any name that is the same for all of that rater's grades), and its value on the scale."""

    rater: str
    level: float


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled image.

    sha256: names it, in any form that is unique. group: what must stay on one side of a split, such as a person or a
    cluster of near-duplicates. target: its severity on the study's scale, the mean of its grades. ratings: the grades
    behind the target, where they are known; they tell the raters' biases. metadata: declared columns, such as age or
    skin type, by name; a missing one is left out.
    """

    sha256: str
    group: str
    target: float
    ratings: tuple[Rating, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


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
