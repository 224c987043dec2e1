"""Each switch of the model turned off by itself, so that what stays can be seen to earn its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.grades.progress import say
from mlcore.examples import Example, ExpertData
from mlcore.records import Region
from mlcore.training import TrainingConfig
from mlcore.views import PLAIN


@dataclass(frozen=True, slots=True)
class Setting:
    """What one training is given."""

    experts: tuple[ExpertData, ...]
    examples: tuple[Example, ...]
    config: TrainingConfig


@dataclass(frozen=True, slots=True)
class Switch:
    """`off` gives the setting without it; `about` says whether there is anything to switch off in a setting."""

    name: str
    off: Callable[[Setting], Setting]
    about: Callable[[Setting], bool] = lambda setting: True


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    rmse: float


def _models(*kinds: str) -> Callable[[Setting], Setting]:
    return lambda setting: replace(setting, config=replace(setting.config, models=kinds))


def _without_raters(setting: Setting) -> Setting:
    return replace(setting, config=replace(setting.config, correct_raters=False))


def _unmirrored(setting: Setting) -> Setting:
    config = setting.config
    plain = replace(
        config, ridge=replace(config.ridge, offsets=PLAIN), regressor=replace(config.regressor, offsets=PLAIN)
    )
    return replace(setting, config=plain)


def _unrolled(setting: Setting) -> Setting:
    return replace(setting, config=replace(setting.config, rolls=False))


def _rolled(setting: Setting) -> bool:
    config = setting.config
    return config.rolls and "network" in config.models and any(expert.feels_rolls for expert in setting.experts)


def _mirrored(setting: Setting) -> bool:
    return {setting.config.ridge.offsets, setting.config.regressor.offsets} != {PLAIN}


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
    Switch("ridge (networks alone)", _models("network"), lambda setting: "ridge" in setting.config.models),
    Switch("networks (ridge alone)", _models("ridge"), lambda setting: "network" in setting.config.models),
    Switch("the whole face as a view", _of_regions(_patch), _has(_face)),
    Switch("the patches", _of_regions(_face), lambda setting: _has(_face)(setting) and _has(_patch)(setting)),
    Switch(
        "patches of skin without a place",
        _of_regions(lambda region: region is not Region.SKIN),
        _has(lambda region: region is Region.SKIN),
    ),
    Switch("several stages (the last alone)", _final_stage, _staged),
    Switch("stages weighing alike (one block)", _one_block, _staged),
    Switch("mirror images", _unmirrored, _mirrored),
    Switch("rolled patches", _unrolled, _rolled),
    Switch("raters' bias and noise", _without_raters, lambda setting: setting.config.correct_raters),
    Switch("classes as they are (balanced, as published)", _balanced, lambda setting: setting.config.balance < 1),
)


def switches(setting: Setting) -> tuple[Switch, ...]:
    """All that make a difference to this setting: the general ones, and each backbone where there are several."""
    backbones = [expert.extractor.backbone for expert in setting.experts] if len(setting.experts) > 1 else []
    return (*(one for one in SWITCHES if one.about(setting)), *(_backbone(name) for name in backbones))


def _backbone(name: str) -> Switch:
    def off(setting: Setting) -> Setting:
        return replace(setting, experts=tuple(one for one in setting.experts if one.extractor.backbone != name))

    return Switch(f"backbone {name}", off)


def ablation(setting: Setting, rmse: Callable[[Setting], float], whole: float) -> tuple[Row, ...]:
    """RMSE in grades without each switch; `whole` is the one with all of them. Says each row as it comes."""
    rows = []
    say(f"  {'ablation: with everything':<58} {whole:.4f}")
    for switch in switches(setting):
        row = Row(switch.name, rmse(switch.off(setting)))
        say(f"  without {row.name:<50} {row.rmse:.4f}  {row.rmse - whole:+.4f}")
        rows.append(row)
    return tuple(rows)
