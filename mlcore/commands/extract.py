"""`python -m mlcore extract`: compute features beforehand; a second run computes only what is new."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mlcore.commands.ending import ended
from mlcore.commands.experts import Looking, Picture, open_extractors, routes
from mlcore.commands.folder import by_sha256, left_out, picture_files
from mlcore.commands.options import add_backbones, add_weights
from mlcore.commands.progress import Progress
from mlcore.training import TrainingConfig


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mlcore extract",
        description="Fill a store of features, which train and evaluate take up with --cache. What is there already is "
        "not computed again.",
    )
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--out", type=Path, required=True, help="folder of features; it may hold some already")
    add_weights(parser, "without any, only texture is computed")
    add_backbones(parser)
    options = parser.parse_args(arguments)
    progress = Progress()
    return ended(lambda: extract(options.images, options.out, options.weights, options.backbones, progress))


def extract(images: Path, out: Path, weights_dir: Path | None, wanted: Sequence[str], progress: Progress) -> None:
    files = picture_files(images)
    out.mkdir(parents=True, exist_ok=True)
    known, unreadable = by_sha256(files, progress)
    progress.findings(left_out(unreadable))
    pictures = [Picture(sha256, files_of[0].path) for sha256, files_of in known.items()]
    extractors = open_extractors(weights_dir, progress, wanted)
    # Any scale will do: what every model wants of an unrolled patch does not depend on it.
    offsets = TrainingConfig(levels=(0.0, 1.0)).plain_offsets
    seen = Looking(pictures, extractors, out, progress).look(offsets)
    told = ", ".join(f"{route} {count}" for route, count in routes(seen).items())
    progress.say(f"features of {len(pictures)} different pictures in {out}: {told}")
