"""One 12-megapixel selfie, scored by a warm model, beside its bare parts: decode, find the face, one forward pass.

The two take turns, and each turn is compared with itself, so that a busy machine slows both.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch

from bench.bars import Bar, at_most, yardstick
from bench.vision.networks import forward, random_backbone
from bench.vision.pictures import selfies
from mlcore.artifact import Artifact
from mlcore.backbones import TorchBackbone
from mlcore.ensemble import Ensemble
from mlcore.examples import Example, ExpertData
from mlcore.extractor import Extractor, configure
from mlcore.faces import FaceFinder
from mlcore.images import decode
from mlcore.records import PatchVector, Pixels
from mlcore.scorer import Scorer
from mlcore.training import USUAL, TrainingConfig, train

BACKBONES = ("mobilenet_v2", "squeezenet1_0")
LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
LIMIT = 1.3
# The bare parts on one core of a Zen 4, in selfies a second.
BARE_RATE = 1.6


def run(quick: bool) -> list[Bar]:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        backbones = [random_backbone(name, place) for name in BACKBONES]
        data = selfies(1, 3000, 4000)[0].data()
        finder = FaceFinder()
        ensemble = _ensemble(backbones, decode(data), finder)
        scorer = Scorer(Artifact(ensemble, "f" * 64), place, finder=finder)
        bare = _Bare(backbones, ensemble, data)
        return list(_compared(scorer, bare, data, 5 if quick else 40))


def _ensemble(backbones: Sequence[TorchBackbone], rgb: Pixels, finder: FaceFinder) -> Ensemble:
    """A model of all backbones, fitted to noise about one face's features: its answers are worth nothing."""
    draw = np.random.default_rng(0)
    targets = np.linspace(1.5, 4.5, 20)
    experts = []
    for backbone in backbones:
        extractor = Extractor(configure(backbone), backbone=backbone, finder=finder)
        patches = extractor.locate(rgb).patches
        seen = extractor.embed_at(rgb, patches, extractor.pairs(patches, (0, 12)))
        vectors = [[_noisy(one, target, draw) for one in seen] for target in targets]
        experts.append(ExpertData(extractor.config, vectors, blocks=backbone.blocks))
    examples = [Example(f"{at:064x}", str(at), float(target)) for at, target in enumerate(targets)]
    ensembles = [train(experts, examples, TrainingConfig(LEVELS, models=(kind,))).ensemble for kind in USUAL]
    # All kinds, whichever of them this noise would have left out.
    return Ensemble([part for one in ensembles for part in one.parts], LEVELS, ensembles[0].target_mean)


def _noisy(seen: PatchVector, target: float, draw: np.random.Generator) -> PatchVector:
    noise = draw.normal(target / 20, 0.02, seen.vector.shape)
    return replace(seen, vector=(seen.vector + noise).astype(np.float32))


class _Bare:
    """What can't be done without, and nothing else."""

    def __init__(self, backbones: Sequence[TorchBackbone], ensemble: Ensemble, data: bytes) -> None:
        self._encoded = np.frombuffer(data, dtype=np.uint8)
        self._finder = FaceFinder()
        self._inputs: list[tuple[TorchBackbone, list[torch.Tensor]]] = []
        rgb = decode(data)
        for config in ensemble.extractors:
            backbone = next(one for one in backbones if one.name == config.backbone)
            extractor = Extractor(config, backbone=backbone, finder=self._finder)
            patches = extractor.locate(rgb).patches
            wanted = extractor.pairs(patches, ensemble.offsets(config.id))
            squares = extractor.prepare(rgb, patches, wanted).rolled()
            self._inputs.append((backbone, [backbone.tensor(square[None]) for square in squares]))

    def run(self) -> None:
        rgb = cv2.imdecode(self._encoded, cv2.IMREAD_COLOR_RGB)
        assert rgb is not None
        assert self._finder.frontal(np.asarray(rgb, dtype=np.uint8)) is not None
        for backbone, inputs in self._inputs:
            forward(backbone, inputs)


def _compared(scorer: Scorer, bare: _Bare, data: bytes, turns: int) -> Iterator[Bar]:
    assert scorer.score(data).severity is not None
    bare.run()
    ours, theirs = [], []
    for _ in range(turns):
        theirs.append(_seconds(bare.run))
        ours.append(_seconds(lambda: scorer.score(data)))
    print(f"p50 {median(ours) * 1000:.0f} ms, bare {median(theirs) * 1000:.0f} ms")
    name = "p50 of one 12-megapixel selfie over decode, detect and one forward pass"
    yield at_most(name, median(ours) / median(theirs), LIMIT)
    yield yardstick("decode, detect and one forward pass", 1 / min(theirs), BARE_RATE, "1/s")


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
