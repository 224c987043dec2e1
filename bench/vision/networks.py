"""Backbones with random weights, as their speed is the same, and the bare forward pass that ours is measured by."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from mlcore import backbones
from mlcore.backbones import TorchBackbone


def random_backbone(name: str, folder: Path) -> TorchBackbone:
    """The backbone of that name, with the precision and the taps that it would have; its file is put into `folder`."""
    torch.manual_seed(0)
    model = backbones._torchvision().models.get_model(name)
    torch.save(model.state_dict(), folder / f"{name}-random.pth")
    backbone = backbones.load(name, folder)
    assert isinstance(backbone, TorchBackbone)
    return backbone


def bare_forward(backbone: TorchBackbone, inputs: Sequence[torch.Tensor]) -> float:
    """The process's own seconds of the network alone for ready tensors, as many at a time as there are threads."""
    start = time.process_time()
    forward(backbone, inputs)
    return time.process_time() - start


def forward(backbone: TorchBackbone, inputs: Sequence[torch.Tensor]) -> None:
    """Each tensor by itself on one thread."""
    lanes = torch.get_num_threads()
    with ThreadPoolExecutor(lanes, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(lambda one: _once(backbone, one), inputs))
    torch.set_num_threads(lanes)


def _once(backbone: TorchBackbone, inputs: torch.Tensor) -> None:
    with torch.inference_mode():
        backbone.network(inputs)
