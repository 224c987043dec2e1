"""`python -m mlcore score`: one row for each picture file of a folder."""

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlcore.commands.ending import ended
from mlcore.commands.folder import PictureFile, picture_files
from mlcore.commands.options import add_weights
from mlcore.commands.output import check_writable, write_csv
from mlcore.commands.progress import Progress
from mlcore.records import Route
from mlcore.scorer import Score, Scorer

logger = logging.getLogger(__name__)

COLUMNS: Final = ("image", "score", "route", "reason")
STAGE: Final = "scoring"


@dataclass(frozen=True, slots=True)
class Scored:
    """value: its severity, or, where it was refused, the mean target of the training: no image goes without."""

    image: str
    value: float
    score: Score


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mlcore score",
        description="Score every picture file of a folder. The table has the columns image, score, route and reason, "
        "one row for each file, sorted. A refused picture has route refused, its reason, and as its score the mean "
        "grade of the training, which stands in for it in every RMSE.",
    )
    parser.add_argument("--artifact", type=Path, required=True, help="folder that train wrote")
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--out", type=Path, required=True, help="table to write, CSV")
    add_weights(parser, "needed only where the artifact holds no weights of its own")
    options = parser.parse_args(arguments)
    return ended(lambda: score(options.artifact, options.images, options.out, options.weights, Progress()))


def score(artifact: Path, images: Path, out: Path, weights_dir: Path | None, progress: Progress) -> None:
    check_writable(out)
    files = picture_files(images)
    scorer = Scorer.load(artifact, weights_dir)
    scored = list(score_files(scorer, files, progress))
    write_csv(out, COLUMNS, ((one.image, repr(one.value), one.score.route, one.score.reason) for one in scored))
    refused = sum(one.score.route is Route.REFUSED for one in scored)
    progress.say(f"{len(scored)} images scored, {refused} of them refused: {out}")


def score_files(scorer: Scorer, files: Sequence[PictureFile], progress: Progress) -> Iterator[Scored]:
    """Score the files in turn. One that can't be read or scored is refused with its reason, and the next is taken."""
    for done, file in enumerate(files, 1):
        found = _score(scorer, file)
        value = scorer.artifact.target_mean if found.severity is None else found.severity
        yield Scored(file.name, value, found)
        progress.at(STAGE, done, len(files))


def _score(scorer: Scorer, file: PictureFile) -> Score:
    try:
        return scorer.score(file.read())
    except OSError as error:
        return Score(None, Route.REFUSED, "unreadable", f"The file can't be read: {error.strerror}.", 0, 0, ())
    # A picture may hit a fault that nobody foresaw, in a decoder or a detector; the others' scores must not be lost.
    except Exception:
        logger.exception("%s could not be scored", file.name)
        return Score(None, Route.REFUSED, "failed", "Scoring failed; the log says how.", 0, 0, ())
