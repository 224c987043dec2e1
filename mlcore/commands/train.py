"""`python -m mlcore train`: from graded photographs to an artifact."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mlcore import artifact as artifacts
from mlcore.artifact import Artifact, ArtifactError
from mlcore.commands.data import Data, add_data, read_data
from mlcore.commands.ending import ended
from mlcore.commands.experts import Looking, Picture, Seen, open_extractors, routes, weights_used
from mlcore.commands.labelled import Subject
from mlcore.commands.options import add_cache, add_recipe, add_weights, cache_beside
from mlcore.commands.output import check_writable
from mlcore.commands.progress import Progress, duration
from mlcore.examples import Example, ExpertData
from mlcore.extractor import Extractor
from mlcore.records import Rating
from mlcore.regressor import EpochReport
from mlcore.training import Trained, TrainingConfig, check_candidates, plan_training, train


@dataclass(frozen=True, slots=True)
class Material:
    """All that a training is given: `examples` and each expert's vectors are one for one with the data's subjects."""

    data: Data
    examples: tuple[Example, ...]
    seen: tuple[Seen, ...]

    @property
    def experts(self) -> tuple[ExpertData, ...]:
        return tuple(expert_data(one) for one in self.seen)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mlcore train",
        description="Learn from graded photographs. Everything that the weights found allow is tried, and what earns "
        "its place in cross-validation stays. File names are neither input nor order.",
    )
    add_data(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder to write the artifact to; it must not exist")
    add_weights(parser, "what the model uses of it is copied into the artifact")
    add_recipe(parser)
    add_cache(parser)
    options = parser.parse_args(arguments)
    return ended(lambda: _train(options, Progress()))


def _train(options: argparse.Namespace, progress: Progress) -> None:
    begun = time.monotonic()
    out: Path = options.out
    if out.exists():
        raise ArtifactError(f"{out} exists already; an artifact is never overwritten.")
    check_writable(out)
    cache = cache_beside(out, options.cache)
    data = read_data(options, cache, progress)
    config = TrainingConfig(levels=data.levels, models=options.models)
    material = see(data, open_extractors(options.weights, progress, options.backbones), cache, config, progress)
    trained = learn(material, config, progress)
    artifact = Artifact(trained.ensemble, data.labelled.manifest_sha256(data.levels), metrics(material, trained))
    artifacts.save(out, artifact, weights_used(trained.ensemble.extractors, options.weights))
    tell(trained, progress)
    progress.say(f"artifact: {out}, {duration(time.monotonic() - begun)} in all")


def see(
    data: Data, extractors: Sequence[Extractor], cache: Path, config: TrainingConfig, progress: Progress
) -> Material:
    """Look at every picture: first at what every model wants of it, then at the rolls that the plan asks for.

    Raises TrainingImpossible, for too many extractors before any look.
    """
    check_candidates(len(extractors), config)
    subjects = data.labelled.subjects
    pictures = [Picture(subject.sha256, subject.path) for subject in subjects]
    examples = tuple(example_of(subject) for subject in subjects)
    looking = Looking(pictures, extractors, cache, progress)
    seen = looking.look(config.plain_offsets)
    progress.say(f"routes: {', '.join(f'{route} {count}' for route, count in routes(seen).items())}")
    material = Material(data, examples, seen)
    plan = plan_training(material.experts, examples, config)
    return replace(material, seen=looking.look_again(plan.offsets))


def learn(material: Material, config: TrainingConfig, progress: Progress) -> Trained:
    trained = train(material.experts, material.examples, config, following(progress))
    if trained.history:
        progress.say(f"networks: {len(trained.history)} epochs in all")
    return trained


def example_of(subject: Subject) -> Example:
    ratings = tuple(Rating(rater, level) for rater, level in subject.ratings)
    return Example(subject.sha256, subject.group, subject.target, ratings)


def expert_data(seen: Seen) -> ExpertData:
    config, backbone = seen.extractor.config, seen.extractor.backbone
    return ExpertData(config, [record.vectors for record in seen.records], backbone.feels_rolls, config.blocks)


def following(progress: Progress) -> Callable[[EpochReport], None]:
    def note(report: EpochReport) -> None:
        done = (report.member * report.max_epochs + report.epoch, report.members * report.max_epochs)
        progress.at("networks", *done, f"validation RMSE {report.best_rmse:.3f}")

    return note


def metrics(material: Material, trained: Trained) -> dict[str, Any]:
    """What the artifact says of its own making."""
    named = {one.extractor.config.id: one.extractor.config.backbone for one in material.seen}
    return {
        "images": len(material.examples),
        "groups": len({example.group for example in material.examples}),
        "raters": len({rating.rater for example in material.examples for rating in example.ratings}),
        "routes": {str(route): count for route, count in routes(material.seen).items()},
        "validation": asdict(trained.validation),
        "parts": [{"backbone": named[part.extractor_id], **asdict(part)} for part in trained.parts],
        "findings": len(material.data.labelled.findings),
    }


def tell(trained: Trained, progress: Progress) -> None:
    found = trained.validation
    rmse = "–" if found.rmse is None else f"{found.rmse:.3f}"
    progress.say(f"cross-validation on {found.n} images: RMSE {rmse}, coverage {found.coverage or 0:.1%}")
