"""Each switch of the model turned by itself, so that what is there, and what is not, can be seen to earn it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.grades.progress import say
from mlcore.examples import Example, ExpertData
from mlcore.records import Region
from mlcore.training import MODELS, TrainingConfig
from mlcore.views import PLAIN


@dataclass(frozen=True, slots=True)
class Setting:
    """What one training is given."""

    experts: tuple[ExpertData, ...]
    examples: tuple[Example, ...]
    config: TrainingConfig


@dataclass(frozen=True, slots=True)
class Switch:
    """`turned` gives the setting with it turned; `about` says whether that makes a difference to a setting."""

    name: str
    turned: Callable[[Setting], Setting]
    about: Callable[[Setting], bool] = lambda setting: True


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    rmse: float


def _without_kind(kind: str) -> Callable[[Setting], Setting]:
    def off(setting: Setting) -> Setting:
        kinds = tuple(one for one in setting.config.models if one != kind)
        return replace(setting, config=replace(setting.config, models=kinds))

    return off


def _has_kind(kind: str) -> Callable[[Setting], bool]:
    return lambda setting: kind in setting.config.models and len(setting.config.models) > 1


def _with_networks(*, rolls: bool) -> Callable[[Setting], Setting]:
    def added(setting: Setting) -> Setting:
        return replace(setting, config=replace(setting.config, models=MODELS, rolls=rolls))

    return added


def _without_raters(setting: Setting) -> Setting:
    return replace(setting, config=replace(setting.config, correct_raters=False))


def _unmirrored(setting: Setting) -> Setting:
    config = setting.config
    plain = replace(
        config,
        ridge=replace(config.ridge, offsets=PLAIN),
        kernel=replace(config.kernel, offsets=PLAIN),
        regressor=replace(config.regressor, offsets=PLAIN),
    )
    return replace(setting, config=plain)


def _rolled(setting: Setting) -> bool:
    """Whether there are rolled patches to train on."""
    plain = set(replace(setting.config, models=MODELS).plain_offsets)
    return any(
        expert.feels_rolls and any(one.offset not in plain for image in expert.vectors for one in image)
        for expert in setting.experts
    )


def _mirrored(setting: Setting) -> bool:
    return setting.config.plain_offsets != PLAIN


def _balanced(setting: Setting) -> Setting:
    return replace(setting, config=replace(setting.config, balance=1.0))


def _of_regions(wanted: Callable[[Region], bool]) -> Callable[[Setting], Setting]:
    def off(setting: Setting) -> Setting:
        experts = (
            replace(expert, vectors=[tuple(one for one in image if wanted(one.region)) for image in expert.vectors])
            for expert in setting.experts
        )
        # An expert that saw nothing else is gone with it.
        return replace(setting, experts=tuple(expert for expert in experts if any(expert.vectors)))

    return off


def _final_stage(setting: Setting) -> Setting:
    return replace(setting, experts=tuple(_final(expert) for expert in setting.experts))


def _final(expert: ExpertData) -> ExpertData:
    last = expert.blocks[-1] if expert.blocks else 0
    if not last:
        return expert
    vectors = [tuple(replace(one, vector=one.vector[-last:]) for one in image) for image in expert.vectors]
    return replace(expert, vectors=vectors, blocks=(last,))


def _one_block(setting: Setting) -> Setting:
    return replace(setting, experts=tuple(replace(expert, blocks=()) for expert in setting.experts))


def _staged(setting: Setting) -> bool:
    return any(len(expert.blocks) > 1 for expert in setting.experts)


def _has(wanted: Callable[[Region], bool]) -> Callable[[Setting], bool]:
    return lambda setting: any(
        wanted(one.region) for expert in setting.experts for image in expert.vectors for one in image
    )


def _face(region: Region) -> bool:
    return region is Region.FACE


def _patch(region: Region) -> bool:
    return region is not Region.FACE


SWITCHES = (
    Switch("without the linear model", _without_kind("ridge"), _has_kind("ridge")),
    Switch("without the kernel", _without_kind("kernel"), _has_kind("kernel")),
    Switch("without the whole face as a view", _of_regions(_patch), _has(_face)),
    Switch("without the patches", _of_regions(_face), lambda setting: _has(_face)(setting) and _has(_patch)(setting)),
    Switch(
        "without patches of skin that have no place",
        _of_regions(lambda region: region is not Region.SKIN),
        _has(lambda region: region is Region.SKIN),
    ),
    Switch("with the last stage instead of several", _final_stage, _staged),
    Switch("with stages in one block, not weighing alike", _one_block, _staged),
    Switch("without mirror images", _unmirrored, _mirrored),
    Switch("without raters' bias and noise", _without_raters, lambda setting: setting.config.correct_raters),
    Switch("with classes balanced, as published", _balanced, lambda setting: setting.config.balance < 1),
    Switch("with the published network", _with_networks(rolls=False)),
    Switch("with the published network on rolled patches", _with_networks(rolls=True), _rolled),
)


def switches(setting: Setting) -> tuple[Switch, ...]:
    """All that make a difference to this setting: the general ones, and each backbone where there are several."""
    backbones = [expert.extractor.backbone for expert in setting.experts] if len(setting.experts) > 1 else []
    return (*(one for one in SWITCHES if one.about(setting)), *(_backbone(name) for name in backbones))


def _backbone(name: str) -> Switch:
    def off(setting: Setting) -> Setting:
        return replace(setting, experts=tuple(one for one in setting.experts if one.extractor.backbone != name))

    return Switch(f"without {name}", off)


def ablation(setting: Setting, rmse: Callable[[Setting], float], whole: float) -> tuple[Row, ...]:
    """RMSE in grades with each switch turned; `whole` is with none. Says each row as it comes."""
    rows = []
    say(f"  {'ablation: as it is':<58} {whole:.4f}")
    for switch in switches(setting):
        row = Row(switch.name, rmse(switch.turned(setting)))
        say(f"  {row.name:<58} {row.rmse:.4f}  {row.rmse - whole:+.4f}")
        rows.append(row)
    return tuple(rows)
