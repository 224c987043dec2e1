"""From files to features in the store: as fast as the backbone's bare forward pass, and no larger for more images.

Time is the process's own, of all its threads: what the machine's cores give when both ways keep them busy. Ours and the
bare pass take turns on the same pictures.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import cv2
import torch

from bench.bars import Bar, at_least, at_most, reported, yardstick
from bench.vision.networks import bare_forward, random_backbone
from bench.vision.pictures import Glance, KnownFace, Selfie, multiplied, selfies
from mlcore.backbones import TorchBackbone
from mlcore.extractor import Extractor, configure
from mlcore.faces import FaceFinder
from mlcore.feature_store import FeatureStore
from mlcore.features import Shelf, stream
from mlcore.images import decode

# What a core of a Zen 4, in bfloat16, gets through bare, in pictures of four patches and a face a second.
BARE_RATE = {"resnet152": 0.6, "resnet50": 1.4, "mobilenet_v2": 10.0}
FLAT = 1.05


def run(quick: bool) -> list[Bar]:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        drawn = selfies(6 if quick else 24)
        few = drawn[:4] if quick else drawn[:8]
        # The publication's backbone is asked; the lighter one shows what finding the face costs beside it.
        bars = [*_speed("resnet152", few, place, 2 if quick else 3, asked=True)]
        bars += _speed("resnet50", few, place, 2 if quick else 3, asked=False)
        bars += _seen("mobilenet_v2", drawn, place, 2 if quick else 5)
        bars += _memory(drawn, place, 600 if quick else 10_000)
    return bars


def _speed(name: str, drawn: Sequence[Selfie], place: Path, rounds: int, *, asked: bool) -> Iterator[Bar]:
    """The whole way, for a backbone whose forward pass is what it spends its time on."""
    backbone = random_backbone(name, place)
    extractor = Extractor(configure(backbone), backbone=backbone, finder=FaceFinder())
    inputs = _inputs(extractor, backbone, drawn)
    bare, ours = [], []
    for turn in range(rounds):
        bare.append(len(drawn) / bare_forward(backbone, inputs))
        store = FeatureStore(place / f"{name}-{turn}", extractor.config.id)
        start = time.process_time()
        for (record,) in stream([Shelf(extractor, store)], [one.source() for one in drawn]):
            assert record.vectors
        ours.append(len(drawn) / (time.process_time() - start))
    ratio = median(one / other for one, other in zip(ours, bare, strict=True))
    title = f"{name}: files to stored features over the bare forward pass"
    yield at_least(title, ratio, 0.9) if asked else reported(title, ratio)
    expected = BARE_RATE[name]
    yield yardstick(f"{name}: bare forward pass of {backbone.precision}", max(bare), expected, "pictures a core-second")


def _seen(name: str, drawn: Sequence[Selfie], place: Path, rounds: int) -> Iterator[Bar]:
    """A light backbone, from pictures in which the skin has been found, as it is for a second backbone."""
    backbone = random_backbone(name, place)
    extractor = Extractor(configure(backbone), backbone=backbone, finder=FaceFinder())
    inputs = _inputs(extractor, backbone, drawn)
    pictures = [decode(one.data()) for one in drawn]
    cut = [extractor.locate(rgb).patches for rgb in pictures]
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(len(drawn) / bare_forward(backbone, inputs))
        start = time.process_time()
        extractor.embed_prepared(
            [
                extractor.prepare(rgb, patches, extractor.pairs(patches, (0,)))
                for rgb, patches in zip(pictures, cut, strict=True)
            ]
        )
        ours.append(len(drawn) / (time.process_time() - start))
    ratio = median(one / other for one, other in zip(ours, bare, strict=True))
    yield at_least(f"{name}: located pictures to features over the bare forward pass", ratio, 0.9)
    expected = BARE_RATE[name]
    yield yardstick(f"{name}: bare forward pass of {backbone.precision}", max(bare), expected, "pictures a core-second")


def _inputs(extractor: Extractor, backbone: TorchBackbone, drawn: Sequence[Selfie]) -> list[torch.Tensor]:
    """Ready tensors, one for each patch and face, as many in a batch as ours takes."""
    inputs = []
    for one in drawn:
        rgb = decode(one.data())
        patches = extractor.locate(rgb).patches
        prepared = extractor.prepare(rgb, patches, extractor.pairs(patches, (0,)))
        inputs += [backbone.tensor(square[None]) for square in prepared.rolled()]
    return inputs


def _memory(drawn: Sequence[Selfie], place: Path, count: int) -> Iterator[Bar]:
    """The process's size after all images over that after the first hundred; with a backbone that takes no time."""
    finder, glance = FaceFinder(), Glance()
    face = finder.frontal(decode(drawn[0].data()))
    assert face is not None
    extractor = Extractor(configure(glance), backbone=glance, finder=KnownFace(face))
    shelf = Shelf(extractor, FeatureStore(place / "many", extractor.config.id))
    sizes = []
    many = multiplied(drawn[:1], count)
    start = time.perf_counter()
    for _ in stream([shelf], [one.source() for one in many]):
        sizes.append(_resident())
    seconds = time.perf_counter() - start
    print(f"{count} images in {seconds:.0f} s; {sizes[99] / 2**20:.0f} MiB after 100, at most {max(sizes) / 2**20:.0f}")
    yield at_most(f"memory after {count} images over that after 100", max(sizes) / sizes[99], FLAT)
    yield at_least("images a second without a backbone's time", count / seconds, 25, "1/s")


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
