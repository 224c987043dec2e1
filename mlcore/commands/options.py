"""Options that several commands have."""

import argparse
import os
from pathlib import Path
from typing import Final

from mlcore.tables import number
from mlcore.training import MODELS, USUAL

WEIGHTS_VARIABLE: Final = "BACKBONE_WEIGHTS_DIR"


def add_weights(parser: argparse.ArgumentParser, note: str) -> None:
    known = os.environ.get(WEIGHTS_VARIABLE)
    text = f"folder of backbone weights (NAME*.pth); by default what {WEIGHTS_VARIABLE} names; {note}"
    parser.add_argument("--weights", type=Path, default=Path(known) if known else None, help=text)


def add_backbones(parser: argparse.ArgumentParser) -> None:
    text = "the backbones to use, such as texture,mobilenet_v2; by default all known ones whose weights are there"
    parser.add_argument("--backbones", type=words, default=(), help=text)


def add_recipe(parser: argparse.ArgumentParser) -> None:
    add_backbones(parser)
    text = f"the kinds of model to try on each backbone, of {','.join(MODELS)}; by default {','.join(USUAL)}"
    parser.add_argument("--models", type=_models, default=USUAL, help=text)


def _models(text: str) -> tuple[str, ...]:
    kinds = words(text)
    if not kinds or not set(kinds) <= set(MODELS):
        raise argparse.ArgumentTypeError(f"{text!r} is not some of {','.join(MODELS)}")
    return kinds


def add_tables(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    parser.add_argument(
        "--ratings", type=Path, required=required, help="CSV with the columns image, rater and grade, a row each grade"
    )
    parser.add_argument(
        "--groups",
        type=Path,
        help="CSV with the columns image and group (or person, duplicate_group): what stays on one side of a split",
    )
    parser.add_argument(
        "--levels", type=levels, help="the scale, such as 0,1,2,3; by default the whole numbers that hold all grades"
    )


def add_cache(parser: argparse.ArgumentParser) -> None:
    text = "folder of features, which a second run takes up; by default goldfold-features beside --out"
    parser.add_argument("--cache", type=Path, help=text)


def cache_beside(out: Path, cache: Path | None) -> Path:
    return cache or out.parent / "goldfold-features"


def levels(text: str) -> tuple[float, ...]:
    """Numbers in rising order, with commas between them."""
    found = [number(part) for part in text.split(",")]
    values = tuple(value for value in found if value is not None)
    if len(values) != len(found) or len(values) < 2 or sorted(set(values)) != list(values):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of at least two rising numbers, such as 0,1,2,3")
    return values


def words(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(word.strip().lower() for word in text.split(",") if word.strip())
