"""The job at work, in a process with Django set up: how fast it looks at photographs, and how fast it links them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from accounts import audit
from bench.likeness.bare import bare_seconds, drawn, photograph
from grading import examining
from grading.examiners import cores, examined
from jobs import lifecycle
from labeler import clusters, file_store
from labeler.importing import add_image
from labeler.models import Examination, Image, Rendition, Study
from labeler.studies import create_study
from labeler.thresholds import Thresholds
from mlcore.examiner import Examined
from mlcore.images import render
from mlcore.local_features import MOST_FEATURES, LocalFeatures, local_features


def speeds(chunks: str, size: str, out: str) -> None:
    """Write photographs per second of the job and of the bare calls, a pair for each chunk, each side first in turn."""
    pairs = []
    # Not forked: OpenCV has threads here, whose locks a fork would inherit held.
    with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as pool:
        for chunk in range(int(chunks)):
            study = _study(chunk, range(chunk * int(size), (chunk + 1) * int(size)))
            stored = Rendition.objects.filter(image__study=study).order_by("image_id").values_list("path", flat=True)
            paths = [str(file_store.path_of(path)) for path in stored]
            list(pool.map(bare_seconds, paths[: 2 * cores()]))
            if chunk % 2:
                bare = _bare(pool, paths)
                pairs.append((_looking(study), bare))
            else:
                pairs.append((_looking(study), _bare(pool, paths)))
    Path(out).write_text(json.dumps(pairs))


def _bare(pool: ProcessPoolExecutor, paths: Sequence[str]) -> float:
    return cores() * len(paths) / sum(pool.map(bare_seconds, paths))


def _looking(study: Study) -> float:
    """Photographs a second from the first answer on: by then every process runs and has read its models."""
    answered: list[float] = []

    def timed(paths: Iterable[Path], *, count: int) -> Iterator[Examined | None]:
        for found in examined(paths, count=count, processes=cores()):
            answered.append(time.perf_counter())
            yield found

    vars(examining)["examined"] = timed
    job = lifecycle.begin(clusters.EXAMINE, actor=audit.SYSTEM, study_id=study.pk)
    seen = examining.look(study, job, lambda *told: None)
    return (seen - cores()) / (time.perf_counter() - answered[0])


def _study(chunk: int, numbers: Iterable[int]) -> Study:
    study = create_study(f"chunk {chunk}", actor=audit.SYSTEM, lead=None)
    study.prescreen = Thresholds.off().to_store()
    study.save(update_fields=["prescreen"])
    for number in numbers:
        add_image(study, f"{number}.jpg", render(photograph(number)).data, actor=audit.SYSTEM)
    return study


def linking(count: str, out: str) -> None:
    """Write how long it takes to link so many stored pictures and to make clusters of them, and how many links."""
    study, draw = create_study("linking", actor=audit.SYSTEM, lead=None), np.random.default_rng(9)
    own = [local_features(face) for face in drawn()]
    vectors, points = np.concatenate([one.vectors for one in own]), np.concatenate([one.points for one in own])
    images = Image.objects.bulk_create(
        Image(study=study, sha256=f"{at:064x}", perceptual_hash=int(looks), width=480, height=640)
        for at, looks in enumerate(draw.integers(-(2**62), 2**62, int(count)))
    )
    rows = (
        Examination(
            image=image,
            faces=1,
            examiner="bench",
            embedding=draw.normal(0, 0.05, 128).astype("<f4").tobytes(),
            descriptor=_mixture(own[0], points, vectors, draw).pack(),
        )
        for image in images
    )
    Examination.objects.bulk_create(rows, batch_size=500)
    began = time.perf_counter()
    links = examining.find_links(study, lambda *told: None)
    clusters.recluster(study, actor=audit.SYSTEM)
    Path(out).write_text(json.dumps([time.perf_counter() - began, len(links)]))


def _mixture(
    one: LocalFeatures, points: NDArray[np.float32], vectors: NDArray[np.uint8], draw: np.random.Generator
) -> LocalFeatures:
    """Features as another photograph of such faces has them: each drawn from all, and a little changed."""
    some = draw.integers(0, len(vectors), MOST_FEATURES)
    changed = np.clip(vectors[some] + draw.integers(-1, 2, (MOST_FEATURES, vectors.shape[1])), 0, 15).astype(np.uint8)
    return LocalFeatures(one.width, one.height, points[some], changed, one.thumbnail)
