"""The product's import and the bare loop by turns, in one process, on the same photographs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from accounts import audit
from accounts.models import User
from bench.photographs.drawing import draw_into
from jobs.running import run_claimed
from labeler import file_store, import_jobs
from labeler.import_lots import Where
from labeler.models import Image, Study
from labeler.studies import create_study
from mlcore.images import RENDITION_QUALITY, RENDITION_SIDE

CHUNK = 94


@dataclass(slots=True)
class Measured:
    """Seconds on the clock, and of the processors, that each way took for all photographs; and what came of it."""

    photographs: int
    megabytes: float = 0.0
    product: float = 0.0
    product_cpu: float = 0.0
    bare: float = 0.0
    bare_cpu: float = 0.0
    imported: int = 0


def measure(photographs: str, out: str) -> None:
    """Draw, import and loop over so many photographs, a chunk at a time, and write down what was measured."""
    lead = User.objects.create_user("lead@example.org", None, name="Lead")
    study = create_study("Photographs", actor=audit.SYSTEM, lead=lead)
    measured = Measured(int(photographs))
    _warm_up(study)
    already = Image.objects.count()
    for first in range(0, measured.photographs, CHUNK):
        _chunk(study, range(first, min(first + CHUNK, measured.photographs)), measured)
    measured.imported = Image.objects.count() - already
    Path(out).write_text(json.dumps(asdict(measured)))


def _warm_up(study: Study) -> None:
    """The first pictures load libraries and fill caches, for both."""
    with tempfile.TemporaryDirectory() as folder:
        draw_into(Path(folder), range(10**6, 10**6 + 8))
        _bare(Path(folder))
        _product(study, Path(folder))


def _chunk(study: Study, numbers: range, measured: Measured) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured.megabytes += draw_into(folder, numbers) / 1e6
        os.sync()  # what was drawn must not reach the disk on anybody's time
        # Who goes first changes with each chunk, so that neither always finds the other's warm caches.
        if numbers.start // CHUNK % 2:
            bare, product = _timed(lambda: _bare(folder)), _timed(lambda: _product(study, folder))
        else:
            product, bare = _timed(lambda: _product(study, folder)), _timed(lambda: _bare(folder))
    measured.product, measured.product_cpu = measured.product + product[0], measured.product_cpu + product[1]
    measured.bare, measured.bare_cpu = measured.bare + bare[0], measured.bare_cpu + bare[1]
    # The rows stay; thousands of originals of some megabytes would fill the disk.
    shutil.rmtree(file_store.path_of(f"studies/{study.pk}/originals"))
    done = numbers.stop
    print(
        f"{done:5}: import {done / measured.product:.1f}/s, bare loop {done / measured.bare:.1f}/s, "
        f"{measured.bare / measured.product:.2f} of it",
        flush=True,
    )


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def _product(study: Study, folder: Path) -> None:
    """All of `manage.py import_images`, after its arguments."""
    job = import_jobs.begin_images(study, Where(folder=str(folder)), actor=audit.SYSTEM)
    run_claimed(job, import_jobs.images_work, import_jobs.failed)


def _bare(folder: Path) -> None:
    """Only what OpenCV does, on all cores: decode, shrink to the rendition's size, encode it."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_rendition, sorted(folder.iterdir())))


def _rendition(path: Path) -> int:
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    height, width = pixels.shape[:2]
    scale = RENDITION_SIDE / max(height, width)
    small = cv2.resize(pixels, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, RENDITION_QUALITY, *sampling])
    assert done
    return len(data)
