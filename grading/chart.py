"""The chart of the raters' RMSE with the model's line: a declarative specification, which `labeler.vega` draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

_INK, _SOFT, _BAR, _WORST, _MODEL = "#1c2733", "#526070", "#3f7f86", "#0b4d53", "#b0812b"


@dataclass(frozen=True, slots=True)
class RaterBar:
    code: str
    rmse: float


@dataclass(frozen=True, slots=True)
class ModelLine:
    name: str
    rmse: float


def specification(raters: Sequence[RaterBar], model: ModelLine | None) -> dict[str, Any]:
    """A Vega-Lite chart: a bar per rater, the largest error first, and a rule where the model stands."""
    worst = max((rater.rmse for rater in raters), default=0.0)
    rows = [
        {"rater": rater.code, "rmse": rater.rmse, "label": f"{rater.rmse:.3f}", "worst": rater.rmse == worst}
        for rater in raters
    ]
    longest = max([worst, model.rmse if model else 0.0]) * 1.15 or 1.0
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("rater:N", sort="-x", title=None),
        x=alt.X("rmse:Q", title="RMSE to the panel's mean (levels)", scale=alt.Scale(domain=[0, longest])),
    )
    colour = alt.condition("datum.worst", alt.value(_WORST), alt.value(_BAR))
    layers: list[Any] = [
        base.mark_bar(height={"band": 0.7}).encode(color=colour),
        base.mark_text(align="left", dx=5, color=_INK).encode(text="label:N"),
    ]
    if model is not None:
        line = alt.Chart(alt.InlineData(values=[{"rmse": model.rmse, "label": f"{model.name} {model.rmse:.3f}"}]))
        layers.append(line.mark_rule(color=_MODEL, strokeWidth=2.5, strokeDash=[6, 4]).encode(x="rmse:Q"))
        text = line.mark_text(color=_MODEL, fontWeight="bold", align="center", dy=-8, baseline="bottom")
        layers.append(text.encode(x="rmse:Q", y=alt.value(0), text="label:N"))
    chart = alt.layer(*layers).properties(width=440, height={"step": 28}, background="#ffffff", padding=12)
    chart = chart.configure(font="sans-serif").configure_view(stroke=None)
    chart = chart.configure_axis(labelColor=_INK, titleColor=_SOFT, gridColor="#e6eaee", labelFontSize=12)
    specified: dict[str, Any] = chart.to_dict()
    return specified
