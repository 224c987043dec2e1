"""`python -m mlcore evaluate`: scores held against grades.

The model is held against the same panels that each rater is held against: the mean of all raters but one.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.commands.complaint import Complaint
from mlcore.commands.data import Data, add_data, read_data
from mlcore.commands.ending import ended
from mlcore.commands.experts import open_extractors
from mlcore.commands.folder import PictureFile
from mlcore.commands.judging import Judged, lines, report, rows
from mlcore.commands.labelled import Subject
from mlcore.commands.options import add_cache, add_recipe, add_weights, cache_beside, words
from mlcore.commands.output import check_writable, write_json
from mlcore.commands.progress import Progress, some
from mlcore.commands.score import score_files
from mlcore.commands.train import Material, following, see
from mlcore.evaluation import MIN_SEEDS, seed_spread
from mlcore.scorer import Scorer
from mlcore.splits import Split, folds
from mlcore.tables import ScoredRow, read_scores
from mlcore.training import USUAL, TrainingConfig, train


@dataclass(frozen=True, slots=True)
class Look:
    """One way of scoring all images: by an artifact, a table, or the folds of one seed."""

    name: str
    judged: tuple[Judged, ...]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mlcore evaluate",
        description="Hold scores against grades. A picture that was refused counts with the mean grade of the "
        "training. Files of the same bytes count once, with the mean of their grades.",
    )
    add_data(parser)
    of_what = parser.add_mutually_exclusive_group(required=True)
    of_what.add_argument("--artifact", type=Path, help="score the pictures with this artifact")
    of_what.add_argument("--scores", type=Path, help="take the scores of this table: image, score, route, reason")
    of_what.add_argument("--folds", type=int, help="cross-validate within the data: train so many times, by group")
    parser.add_argument("--seeds", type=int, default=1, help="with --folds: repeat under so many seeds")
    parser.add_argument("--by", type=words, default=(), help="columns of the table of images to report apart")
    parser.add_argument("--out", type=Path, required=True, help="report to write, JSON")
    add_weights(parser, "with --artifact needed only where it holds no weights of its own")
    add_recipe(parser)
    add_cache(parser)
    options = parser.parse_args(arguments)
    return ended(lambda: _evaluate(options, Progress()))


def _evaluate(options: argparse.Namespace, progress: Progress) -> None:
    check_writable(options.out)
    cache = cache_beside(options.out, options.cache)
    _check_options(options)
    scorer = Scorer.load(options.artifact, options.weights) if options.artifact else None
    if scorer:
        options.levels = _scale(options.levels, scorer)
    data = read_data(options, cache, progress, options.by)
    if scorer:
        looks = [Look("artifact", by_artifact(data, scorer, progress))]
    elif options.scores:
        looks = [Look("scores", by_table(data, read_scores(options.scores)))]
    else:
        looks = list(_by_folds(data, options, cache, progress))
    found = [{"name": look.name, **report(look.judged, data.levels, options.by)} for look in looks]
    for one in found:
        print("\n".join([one["name"], *(f"  {line}" for line in lines(one))]))
    content: dict[str, Any] = {**found[0], "rows": rows(looks[0].judged)}
    if len(found) > 1:
        content = {"summary": summary(found), "runs": found}
        print(f"over {len(found)} seeds: {content['summary']}")
    write_json(options.out, {**content, "findings": list(data.labelled.findings)})
    progress.say(f"report: {options.out}")


def _check_options(options: argparse.Namespace) -> None:
    """Raises Complaint for what would be passed over in silence."""
    if options.folds is None and (options.seeds != 1 or options.backbones or options.models != USUAL):
        raise Complaint("--seeds, --backbones and --models are of a training, and so of --folds alone.")


def _scale(levels: Sequence[float] | None, scorer: Scorer) -> tuple[float, ...]:
    """The scale that the artifact was trained on. Raises Complaint where another one is asked for."""
    trained = scorer.artifact.levels
    if levels is not None and tuple(levels) != trained:
        raise Complaint(f"The artifact was trained on the scale {_listed(trained)}, not on {_listed(levels)}.")
    return trained


def _listed(levels: Sequence[float]) -> str:
    return ",".join(f"{level:g}" for level in levels)


def by_artifact(data: Data, scorer: Scorer, progress: Progress) -> tuple[Judged, ...]:
    subjects = data.labelled.subjects
    files = [PictureFile(subject.names[0], subject.path) for subject in subjects]
    return tuple(
        Judged(
            subject,
            one.value,
            one.score.severity is not None,
            one.score.route,
            one.score.reason,
            scorer.artifact.target_mean,
        )
        for subject, one in zip(subjects, score_files(scorer, files, progress), strict=True)
    )


def by_table(data: Data, scores: Sequence[ScoredRow]) -> tuple[Judged, ...]:
    """Raises Complaint where a graded image has no score: a figure that leaves out images is of other images."""
    known = {row.image: row for row in scores}
    subjects = data.labelled.subjects
    without = sorted(one.names[0] for one in subjects if not any(name in known for name in one.names))
    if without:
        raise Complaint(
            f"{len(without)} of {len(subjects)} graded images are not in the table of scores: {some(without)}. "
            "Every image counts: score these too, a refused one with the mean grade of the training."
        )
    return tuple(_from_table(subject, known) for subject in subjects)


def _from_table(subject: Subject, known: dict[str, ScoredRow]) -> Judged:
    own = [known[name] for name in subject.names if name in known]
    score = float(np.mean([row.score for row in own]))
    return Judged(subject, score, own[0].route != "refused", own[0].route or "unknown", own[0].reason)


def _by_folds(data: Data, options: argparse.Namespace, cache: Path, progress: Progress) -> Iterator[Look]:
    if options.folds < 2 or (options.seeds != 1 and options.seeds < MIN_SEEDS):
        raise Complaint(f"--folds needs at least 2, and --seeds 1 or at least {MIN_SEEDS}.")
    groups = len({subject.group for subject in data.labelled.subjects})
    if groups < options.folds:
        raise Complaint(f"{options.folds} folds can't be made of {groups} groups.")
    extractors = open_extractors(options.weights, progress, options.backbones)
    config = TrainingConfig(levels=data.levels, models=options.models)
    material = see(data, extractors, cache, config, progress)
    for seed in range(options.seeds):
        seeded = replace(config, seed=seed, regressor=replace(config.regressor, seed=seed))
        yield Look(f"{options.folds} folds, seed {seed}", cross_validated(material, seeded, options.folds, progress))


def cross_validated(material: Material, config: TrainingConfig, count: int, progress: Progress) -> tuple[Judged, ...]:
    """Each image scored by a model that saw nothing of its group: all that is chosen is chosen in the other folds."""
    judged: dict[int, Judged] = {}
    for number, split in enumerate(folds([one.group for one in material.examples], count, config.seed), 1):
        progress.say(f"fold {number} of {count}: {len(split.train)} images to learn from")
        judged |= _fold(material, split, config, progress)
    return tuple(judged[at] for at in range(len(material.examples)))


def _fold(material: Material, split: Split, config: TrainingConfig, progress: Progress) -> dict[int, Judged]:
    experts = material.experts
    learnt = [replace(expert, vectors=[expert.vectors[at] for at in split.train]) for expert in experts]
    trained = train(learnt, [material.examples[at] for at in split.train], config, following(progress))
    images = [{expert.extractor.id: expert.vectors[at] for expert in experts} for at in split.validation]
    mean = trained.ensemble.target_mean
    found = {}
    for at, score in zip(split.validation, trained.ensemble.predict(images), strict=True):
        located = material.seen[0].records[at].located
        value = mean if score is None else score.severity
        subject = material.data.labelled.subjects[at]
        found[at] = Judged(subject, value, score is not None, located.route, located.reason, mean)
    return found


def summary(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Median and range over the seeds, never the best of them alone."""
    told = {"rmse": asdict(seed_spread([one["model"]["rmse"] for one in found]))}
    worst = [one["verdict"]["model_worst"] for one in found if one["verdict"]]
    return {**told, "model_worst_panel": asdict(seed_spread(worst))} if worst else told
