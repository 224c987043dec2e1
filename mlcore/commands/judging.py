"""Scores held against grades: the figures of a report, and the lines that a person reads of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlcore.commands.labelled import Subject
from mlcore.evaluation import PanelFigure, calibration, evaluate, leave_one_out, rmse_interval, subgroups

Floats = NDArray[np.float64]
ROUTE = "route"


@dataclass(frozen=True, slots=True)
class Judged:
    """A graded picture and its score; `scored` is False where the mean target of the training stands in for one.

    constant: that mean, where it is known: what a model that has learned nothing else would say.
    """

    subject: Subject
    score: float
    scored: bool
    route: str
    reason: str
    constant: float | None = None


def report(judged: Sequence[Judged], levels: Sequence[float], by: Sequence[str] = ()) -> dict[str, Any]:
    """All figures as plain JSON. by: columns of the images' table whose values are reported apart, beside the route."""
    truth = [one.subject.target for one in judged]
    scores = [one.score for one in judged]
    scored = [one.scored for one in judged]
    groups = [one.subject.group for one in judged]
    interval = rmse_interval(scores, truth, groups)
    panels = panels_of(judged)
    apart = {name: subgroups(scores, truth, levels, _values(judged, name), scored) for name in (ROUTE, *by)}
    return {
        "images": len(judged),
        "groups": len(set(groups)),
        "model": asdict(evaluate(scores, truth, levels, scored)),
        "rmse_95": asdict(interval) if interval else None,
        "calibration": asdict(calibration(scores, truth, levels)),
        "constant_rmse": _constant_rmse(judged, levels),
        "panels": {rater: asdict(panel) for rater, panel in panels.items()},
        "verdict": verdict(tuple(panels.values())),
        "by": {name: {value: asdict(own) for value, own in found.items()} for name, found in apart.items()},
    }


def panels_of(judged: Sequence[Judged]) -> dict[str, PanelFigure]:
    """By rater: the model's and that rater's error to the mean of the others; empty for a single rater."""
    raters = sorted({rater for one in judged for rater, _ in one.subject.ratings})
    if len(raters) < 2:
        return {}
    grades = np.full((len(judged), len(raters)), np.nan)
    for at, one in enumerate(judged):
        for rater, value in one.subject.ratings:
            grades[at, raters.index(rater)] = value
    return dict(zip(raters, leave_one_out([one.score for one in judged], grades), strict=True))


def verdict(panels: Sequence[PanelFigure]) -> dict[str, Any] | None:
    """The model's largest error to a panel beside the worst and the best rater's; None where no image was graded by all
    raters."""
    model = [panel.model_rmse for panel in panels if panel.model_rmse is not None]
    raters = [panel.rater_rmse for panel in panels if panel.rater_rmse is not None]
    if not model or not raters:
        return None
    return {
        "model_worst": max(model),
        "model_mean": sum(model) / len(model),
        "raters_worst": max(raters),
        "raters_best": min(raters),
        "as_good_as_the_worst_rater": max(model) <= max(raters),
        "as_good_as_the_best_rater": max(model) <= min(raters),
    }


def rows(judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Every image by itself, under each of its names, sorted."""
    found = [
        {
            "image": name,
            "score": one.score,
            "grade": one.subject.target,
            "route": one.route,
            "reason": one.reason,
        }
        for one in judged
        for name in one.subject.names
    ]
    return sorted(found, key=lambda row: str(row["image"]))


def lines(found: Mapping[str, Any]) -> list[str]:
    """What a person wants to see first."""
    model, ends = found["model"], found["rmse_95"]
    interval = f" ({ends['low']:.3f} to {ends['high']:.3f})" if ends else ""
    told = [
        f"{found['images']} images in {found['groups']} groups, coverage {model['coverage']:.1%}",
        f"RMSE {_figure(model['rmse'])}{interval}, Pearson {_figure(model['pearson'])}, "
        f"Spearman {_figure(model['spearman'])}, within one level {model['within_one']:.1%}",
    ]
    if found["constant_rmse"] is not None:
        told.append(f"a constant, the training's mean grade: RMSE {_figure(found['constant_rmse'])}")
    for name, values in found["by"].items():
        told += [f"{name} {value}: {own['n']} images, RMSE {_figure(own['rmse'])}" for value, own in values.items()]
    if found["panels"]:
        told.append(f"{'left out':20} {'images':>6}  RMSE to the mean of the others: model, rater")
    for rater, one in found["panels"].items():
        told.append(f"{rater:20} {one['n']:6}  {_figure(one['model_rmse'])}  {_figure(one['rater_rmse'])}")
    return told


def _values(judged: Sequence[Judged], name: str) -> list[str]:
    return [one.route if name == ROUTE else one.subject.fields.get(name, "(none)") for one in judged]


def _constant_rmse(judged: Sequence[Judged], levels: Sequence[float]) -> float | None:
    constants = [one.constant for one in judged if one.constant is not None]
    if len(constants) < len(judged):
        return None
    return evaluate(constants, [one.subject.target for one in judged], levels).rmse


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
