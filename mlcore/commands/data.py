"""A data set as three things on a disk: a folder of pictures, a table of grades, and perhaps a table of images."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mlcore.commands.folder import picture_files
from mlcore.commands.labelled import Labelled, labelled, regrouped
from mlcore.commands.likeness import pairs_alike
from mlcore.commands.options import add_tables
from mlcore.commands.progress import Progress
from mlcore.tables import TableError, read_images, read_ratings, scale_of


@dataclass(frozen=True, slots=True)
class Data:
    labelled: Labelled
    levels: tuple[float, ...]


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures")
    add_tables(parser)


def read_data(options: argparse.Namespace, cache: Path, progress: Progress, also: Sequence[str] = ()) -> Data:
    """Read and put together what the options name, and tell what was odd. Raises TableError and Complaint.

    also: further columns of the table of images to keep. Without that table, copies of one picture and pictures of one
    person are searched for.
    """
    ratings = read_ratings(options.ratings, options.levels)
    if also and not options.groups:
        raise TableError(f"The columns {', '.join(also)} need the table of images, --groups.")
    table = read_images(options.groups, also) if options.groups else None
    whole = labelled(picture_files(options.images), ratings, table, progress)
    progress.findings(whole.findings)
    if table is None:
        whole = regrouped(whole, pairs_alike(whole.subjects, cache, progress))
    groups = len({subject.group for subject in whole.subjects})
    progress.say(f"{len(whole.subjects)} images in {groups} groups, graded by {_raters(whole)} raters")
    return Data(whole, options.levels or scale_of([grade.value for grade in ratings.grades]))


def _raters(whole: Labelled) -> int:
    return len({rater for subject in whole.subjects for rater, _ in subject.ratings})
