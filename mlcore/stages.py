"""Where to tap a classifier: its pooled features, and the last wide map at each scale, found by following its graph.

Works on any network that `torch.fx` can trace and whose classes come from one last layer, as torchvision's do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

FINAL: Final = "final"
STAGES: Final = "stages"
POOLINGS: Final = (FINAL, STAGES)
_COLOURS: Final = 3


class Untraceable(ValueError):
    """A network whose graph can't be followed."""


@dataclass(frozen=True, slots=True)
class Taps:
    """nodes: names of the graph's nodes to read, the pooled features last. blocks: numbers that each of them gives."""

    nodes: tuple[str, ...]
    blocks: tuple[int, ...]


def find_taps(model: nn.Module, side: int, pooling: str) -> Taps:
    """Where to tap the network when its input is (n, 3, side, side).

    "final": what the last layer with weights, the classifier, is given. "stages": before that, the last of the widest
    maps at each halving of the picture, which holds what is visible at that scale. The model may be on the meta device,
    where nothing is computed. Raises Untraceable, also for a side that the network does not take.
    """
    if pooling not in POOLINGS:
        raise ValueError(f"no pooling is called {pooling!r}; there are {', '.join(POOLINGS)}")
    graph, shapes = _shapes(model, side)
    final = _before_classifier(graph)
    width = _width(shapes[final])
    maps: dict[int, fx.Node] = {}
    for node in graph.graph.nodes:
        if node is final or pooling == FINAL:
            break
        if node.op == "placeholder" or not _is_map(shapes.get(node)):
            continue
        halvings = round(math.log2(side / _side(shapes[node])))
        known = maps.get(halvings)
        if known is None or _width(shapes[node]) >= _width(shapes[known]):
            maps[halvings] = node
    stages = [maps[halvings] for halvings in sorted(maps)]
    if stages and _width(shapes[stages[-1]]) == width:
        # The pooled features are that map's means.
        stages.pop()
    nodes = (*stages, final)
    return Taps(tuple(node.name for node in nodes), tuple(_width(shapes[node]) for node in nodes))


def tapped(model: nn.Module, taps: Taps) -> nn.Module:
    """The network up to its taps: (n, 3, h, w) to (n, sum of blocks) float32, maps by their means over space.

    Batch normalisation is folded into the convolutions that it follows.
    """
    traced = _traced(model)
    by_name = {node.name: node for node in traced.graph.nodes}
    output = next(node for node in traced.graph.nodes if node.op == "output")
    output.args = (tuple(by_name[name] for name in taps.nodes),)
    traced.graph.eliminate_dead_code()
    _fold(traced)
    traced.delete_all_unused_submodules()
    traced.recompile()
    return _Pooled(traced, taps.blocks)


class _Pooled(nn.Module):
    def __init__(self, body: nn.Module, blocks: Sequence[int]) -> None:
        super().__init__()
        self.body = body
        self._blocks = tuple(blocks)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found = self.body(pixels)
        return torch.cat([_pooled(one, width) for one, width in zip(found, self._blocks, strict=True)], dim=1)


def _pooled(found: torch.Tensor, width: int) -> torch.Tensor:
    """Means are summed in float32: in bfloat16 they would be rounded to three digits."""
    if found.ndim == 2:
        return found.float()
    space = (2, 3) if found.shape[1] == width else (1, 2)
    return found.mean(dim=space, dtype=torch.float32)


def _traced(model: nn.Module) -> fx.GraphModule:
    try:
        return fx.symbolic_trace(model.eval())
    # Tracing runs the model's own code on stand-ins, which may fail in any way.
    except Exception as error:
        raise Untraceable(f"the network can't be traced: {error}") from error


def _shapes(model: nn.Module, side: int) -> tuple[fx.GraphModule, dict[fx.Node, tuple[int, ...]]]:
    traced = _traced(model)
    device = next(model.parameters()).device
    watch = _ShapeWatch(traced)
    try:
        with torch.inference_mode():
            watch.run(torch.zeros(1, _COLOURS, side, side, device=device))
    # As above: what a network does with a size that it was not made for is its own affair.
    except Exception as error:
        raise Untraceable(f"the network takes no pictures of {side} × {side} pixels: {error}") from error
    return traced, watch.shapes


class _ShapeWatch(fx.Interpreter):
    """Runs a graph and notes the shape of every tensor in it."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced)
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if isinstance(result, torch.Tensor):
            self.shapes[n] = tuple(result.shape)
        return result


def _before_classifier(traced: fx.GraphModule) -> fx.Node:
    modules = dict(traced.named_modules())
    last: fx.Node | None = None
    for node in traced.graph.nodes:
        if node.op == "call_module" and next(modules[str(node.target)].parameters(), None) is not None:
            last = node
    if last is None or not isinstance(last.args[0], fx.Node):
        raise Untraceable("the network has no last layer")
    return last.args[0]


def _is_map(shape: tuple[int, ...] | None) -> bool:
    """Whether it is a picture's features, (n, channels, s, s) or (n, s, s, channels), larger than a point."""
    if shape is None or len(shape) != 4:
        return False
    return _side(shape) > 1 and _width(shape) > _COLOURS and shape.count(_side(shape)) >= 2


def _side(shape: tuple[int, ...]) -> int:
    return shape[2]


def _width(shape: tuple[int, ...]) -> int:
    """Channels: of (n, c, s, s), (n, s, s, c) or (n, c)."""
    return shape[1] if len(shape) != 4 or shape[2] == shape[3] else shape[3]


def _fold(traced: fx.GraphModule) -> None:
    modules = dict(traced.named_modules())
    for node in list(traced.graph.nodes):
        if node.op != "call_module" or not isinstance(modules[node.target], nn.BatchNorm2d):
            continue
        source = node.args[0]
        if source.op != "call_module" or len(source.users) != 1 or not isinstance(modules[source.target], nn.Conv2d):
            continue
        folded = fuse_conv_bn_eval(modules[source.target], modules[node.target])
        parent, _, name = source.target.rpartition(".")
        setattr(modules[parent], name, folded)
        modules[source.target] = folded
        node.replace_all_uses_with(source)
        traced.graph.erase_node(node)
