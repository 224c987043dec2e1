"""A data set as three things on a disk: a folder of pictures, a table of grades, and perhaps a table of images."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from mlcore.commands.folder import picture_files
from mlcore.commands.labelled import Labelled, labelled, regrouped
from mlcore.commands.likeness import pairs_alike
from mlcore.commands.options import add_tables, words
from mlcore.commands.progress import Progress
from mlcore.tables import TableError, read_images, read_ratings, scale_of


@dataclass(frozen=True, slots=True)
class Data:
    labelled: Labelled
    levels: tuple[float, ...]


def add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures")
    add_tables(parser)
    text = "columns of the table of images that the model may use, such as age,sex,skin_type"
    parser.add_argument("--metadata", type=words, default=(), help=text)


def read_data(options: argparse.Namespace, cache: Path, progress: Progress) -> Data:
    """Read and put together what the options name, and tell what was odd. Raises TableError and Complaint.

    Without a table of groups, copies of one picture and pictures of one person are searched for.
    """
    ratings = read_ratings(options.ratings, options.levels)
    if options.metadata and not options.groups:
        raise TableError("--metadata needs the table of images, --groups.")
    table = read_images(options.groups, options.metadata) if options.groups else None
    whole = labelled(picture_files(options.images), ratings, table, progress)
    progress.findings(whole.findings)
    if table is None:
        whole = regrouped(whole, pairs_alike(whole.subjects, cache, progress))
    groups = len({subject.group for subject in whole.subjects})
    progress.say(f"{len(whole.subjects)} images in {groups} groups, graded by {_raters(whole)} raters")
    return Data(whole, options.levels or scale_of([grade.value for grade in ratings.grades]))


def _raters(whole: Labelled) -> int:
    return len({rater for subject in whole.subjects for rater, _ in subject.ratings})
