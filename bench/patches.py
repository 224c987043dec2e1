"""Finding skin: our way beside the published one, for time, for where patches lie, and for how many pictures have any.

Time is the process's own, both ways on one thread, from a JPEG's bytes to the patches' pixels. Photographs are looked
for in the folder that GOLDFOLD_DATA names; their bars are left out, and said so, where there is none.
"""

from __future__ import annotations

import csv
import os
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.bars import Bar, at_least, at_most, reported, yardstick
from mlcore.faces import FaceFinder
from mlcore.images import decode
from mlcore.locating import Locator
from mlcore.patches import PUBLISHED
from mlcore.records import Box, Landmarks, Located, Patch, Pixels, Region, Route
from mlcore.skin import find_skin, from_skin
from mlcore.synthetic import CohortConfig, Face, cohort, draw_face, encode_jpeg

SEED = 2018
TONES = (1, 2, 3, 4, 5, 6)
MEGAPIXELS = 12
# What the published way takes on one core, as first measured.
SECONDS_A_MEGAPIXEL = 0.4
CHEEKS = (Region.LEFT_CHEEK, Region.RIGHT_CHEEK)
# So much of a patch must be drawn skin for it to lie on skin; the rest are eyes' corners, brows, and the face's edge.
ON_SKIN = 0.75


def run(quick: bool) -> list[Bar]:
    cv2.setNumThreads(1)
    ours, published = FaceFinder(), FaceFinder(published=True)
    bars = [*_large(ours, published, 2 if quick else 8), *_small(ours, published, 2 if quick else 15)]
    bars += [*_on_drawn_skin(Locator(ours), 5 if quick else 50), *_on_profiles(Locator(ours), 2 if quick else 10)]
    data = Path(os.environ.get("GOLDFOLD_DATA", "../shared/data"))
    if data.is_dir():
        bars += [*_annotated(ours, published, data / "faces" / "dlib_examples"), *_demonstration(published, data)]
        bars += _photographs(Locator(ours), data / "acne04_a", 8 if quick else 1)
    else:
        print("No photographs: GOLDFOLD_DATA names no folder, so only drawn faces were measured.")
    return bars


def _large(ours: FaceFinder, published: FaceFinder, count: int) -> Iterator[Bar]:
    """Time and place of the patches on faces drawn at 3000 × 4000."""
    config = CohortConfig(size=count, seed=SEED, profile_share=0.0, width=3000, height=4000)
    here, theirs, agreement, lost = [], [], defaultdict(list), 0
    locator, yardstick_locator = Locator(ours), Locator(published, PUBLISHED)
    same_cut = Locator(ours, PUBLISHED)
    first = draw_face(cohort(CohortConfig(size=1, seed=SEED, profile_share=0.0))[0], CohortConfig(size=1, seed=SEED))
    for one in (locator, yardstick_locator):  # reads the models
        one.locate(first.pixels)
    for subject in cohort(config):
        data = encode_jpeg(draw_face(replace(subject, yaw=float(np.clip(subject.yaw, -15, 15))), config))
        rgb = decode(data)
        seconds, located = _timed(partial(_ours, locator, data))
        here.append(seconds)
        seconds, reference = _timed(partial(_published, yardstick_locator, data))
        theirs.append(seconds)
        lost += (reference.route is Route.ALIGNED) - (located.route is Route.ALIGNED)
        for region, iou in _agreement(same_cut.locate(rgb).patches, reference.patches):
            agreement[region].append(iou)
    rate = MEGAPIXELS / float(np.median(theirs))
    yield yardstick("the published way", rate, 1 / SECONDS_A_MEGAPIXEL, "megapixels/s")
    yield at_least("times as fast as the published way", float(np.median(theirs) / np.median(here)), 20)
    for region, values in agreement.items():
        limit = 0.95 if region in CHEEKS else 0.88
        yield at_least(f"median IoU with the published {region.value} patch", float(np.median(values)), limit)
    yield at_most("faces of 12 megapixels lost, net", lost, 0)


def _ours(locator: Locator, data: bytes) -> Located:
    rgb = decode(data)
    located = locator.locate(rgb)
    for patch in located.patches:
        _crop(rgb, patch)
    return located


def _published(locator: Locator, data: bytes) -> Located:
    """Patches go through files on disk, as published."""
    rgb = decode(data)
    located = locator.locate(rgb)
    with tempfile.TemporaryDirectory() as folder:
        for index, patch in enumerate(located.patches):
            name = str(Path(folder) / f"{index}.jpg")
            cv2.imwrite(name, _crop(rgb, patch)[..., ::-1])
            cv2.imread(name)
    return located


def _crop(rgb: Pixels, patch: Patch) -> Pixels:
    box = patch.box
    return np.ascontiguousarray(rgb[box.y0 : box.y1, box.x0 : box.x1])


def _timed(work: Callable[[], Located]) -> tuple[float, Located]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _agreement(ours: Sequence[Patch], theirs: Sequence[Patch]) -> Iterator[tuple[Region, float]]:
    """IoU of each of their patches with ours of that region; 0 where we have none."""
    mine = {patch.region: patch.box for patch in ours}
    for patch in theirs:
        yield patch.region, mine.get(patch.region, Box(0, 0, 0, 0)).iou(patch.box)


def _small(ours: FaceFinder, published: FaceFinder, each: int) -> Iterator[Bar]:
    """Landmarks against the drawn truth, and faces lost, over all tones and confounders."""
    errors, lost = [], 0
    for face in _drawn(each, profile_share=0.0, turned=15.0):
        mine, theirs = ours.frontal(face.pixels), published.frontal(face.pixels)
        lost += (theirs is not None) - (mine is not None)
        if mine is not None and theirs is not None:
            errors.append([_error(found, face.landmarks, face.eye_distance) for found in (mine, theirs)])
    mean = np.mean(errors, axis=0)
    yield at_most("faces of 480 × 640 lost, net", lost, 0)
    yield at_most(
        "landmark error on drawn faces less the published way's, over the eye distance", mean[0] - mean[1], 0.02
    )


def _error(found: Landmarks, truth: NDArray[np.float64], eye_distance: float) -> float:
    return float(np.hypot(*(found.points - truth).T).mean() / eye_distance)


def _drawn(each: int, profile_share: float, turned: float = 90.0) -> Iterator[Face]:
    """`each` faces of every tone, over all strengths of confounders, turned by so many degrees at most."""
    config = CohortConfig(size=each * len(TONES), seed=SEED, profile_share=profile_share)
    for subject in cohort(config):
        strength = (subject.index // len(TONES)) % 5 / 4
        yaw = float(np.clip(subject.yaw, -turned, turned))
        chosen = replace(subject, tone=TONES[subject.index % len(TONES)], yaw=yaw)
        yield draw_face(chosen, replace(config, confounders=strength))


def _on_drawn_skin(locator: Locator, each: int) -> Iterator[Bar]:
    """Whether a cohort's selfies have a patch on drawn skin: by all routes, and by colour alone as if no eye had been
    found."""
    found: dict[int, list[bool]] = defaultdict(list)
    by_colour: dict[int, list[bool]] = defaultdict(list)
    for face in _drawn(each, CohortConfig(size=0).profile_share):
        tone = face.subject.tone
        found[tone].append(_any_on_skin(face, locator.locate(face.pixels).patches))
        by_colour[tone].append(_any_on_skin(face, _patches_by_colour(face)))
    for name, seen in (("by any route", found), ("by colour alone", by_colour)):
        shares = {tone: float(np.mean(values)) for tone, values in seen.items()}
        yield at_least(f"drawn selfies with a patch on skin, {name}", float(np.mean(list(shares.values()))), 0.98)
        worst = min(shares, key=lambda tone: shares[tone])
        yield at_least(f"the same for the skin type that fares worst ({worst})", shares[worst], 0.95)


def _on_profiles(locator: Locator, each: int) -> Iterator[Bar]:
    """The same where it is hardest: profiles, a tenth of a cohort."""
    faces = list(_drawn(each, profile_share=1.0))
    for name, cut in (("any route", lambda face: locator.locate(face.pixels).patches), ("colour", _patches_by_colour)):
        share = float(np.mean([_any_on_skin(face, cut(face)) for face in faces]))
        yield reported(f"drawn profiles with a patch on skin, by {name}", share)


def _patches_by_colour(face: Face) -> Sequence[Patch]:
    height, width = face.skin_mask.shape
    return from_skin(find_skin(face.pixels), width, height).patches


def _any_on_skin(face: Face, patches: Sequence[Patch]) -> bool:
    return any(
        face.skin_mask[patch.box.y0 : patch.box.y1, patch.box.x0 : patch.box.x1].mean() >= ON_SKIN
        for patch in patches
        if patch.region is not Region.FACE
    )


@dataclass(frozen=True, slots=True)
class _Annotation:
    box: Box
    points: NDArray[np.float64]


def _annotated(ours: FaceFinder, published: FaceFinder, folder: Path) -> Iterator[Bar]:
    """Landmarks of the largest face of photographs with known ones."""
    errors, lost = [], 0
    for path, faces in _annotations(folder):
        rgb = decode(path.read_bytes())
        pair = []
        for finder in (ours, published):
            found = finder.frontal(rgb)
            truth = max(faces, key=lambda face: face.box.iou(found.box)) if found else None
            if found is not None and truth is not None and truth.box.iou(found.box) > 0.3:
                eyes = truth.points[42:48].mean(axis=0) - truth.points[36:42].mean(axis=0)
                pair.append(_error(found, truth.points, float(np.hypot(*eyes))))
            else:
                pair.append(np.nan)
        lost += int(np.isnan(pair[0])) - int(np.isnan(pair[1]))
        if not np.isnan(pair).any():
            errors.append(pair)
    mean = np.mean(errors, axis=0)
    yield at_most("annotated photographs' faces lost, net", lost, 0)
    yield at_most("landmark error on them less the published way's, over the eye distance", mean[0] - mean[1], 0.02)


def _annotations(folder: Path) -> Iterator[tuple[Path, list[_Annotation]]]:
    for file in sorted(folder.glob("*_with_face_landmarks.xml")):
        for image in ET.parse(file).getroot().iter("image"):
            yield folder / image.attrib["file"], [_annotation(box) for box in image.iter("box")]


def _annotation(box: ET.Element) -> _Annotation:
    left, top, width, height = (int(box.attrib[name]) for name in ("left", "top", "width", "height"))
    parts = sorted(box.iter("part"), key=lambda part: int(part.attrib["name"]))
    points = np.array([[float(part.attrib["x"]), float(part.attrib["y"])] for part in parts])
    return _Annotation(Box(left, top, left + width, top + height), points)


def _demonstration(published: FaceFinder, data: Path) -> Iterator[Bar]:
    """The published demonstration's own patches."""
    folder = data / "faces" / "nestle_demo"
    (photo,) = (folder / "demo_images").glob("*.jpg")
    rgb = decode(photo.read_bytes())
    names = {"fh": Region.FOREHEAD, "lc": Region.LEFT_CHEEK, "rc": Region.RIGHT_CHEEK, "chin": Region.CHIN}
    theirs = []
    for name, region in names.items():
        patch = decode((folder / "demo_images_patches" / f"{photo.stem}_{name}.jpg").read_bytes())
        _, _, (x, y), _ = cv2.minMaxLoc(cv2.matchTemplate(rgb, patch, cv2.TM_SQDIFF_NORMED))
        theirs.append(Patch(region, Box(x, y, x + patch.shape[1], y + patch.shape[0])))
    worst = min(iou for _, iou in _agreement(Locator(published, PUBLISHED).locate(rgb).patches, theirs))
    yield at_least("least IoU with the demonstration's patches in published mode", worst, 0.98)


def _photographs(locator: Locator, folder: Path, step: int) -> Iterator[Bar]:
    """Clinical photographs with at least one patch, over all and by level: the rounded mean of their graders."""
    levels = _levels(folder / "ratings.csv")
    seen: dict[int | None, list[Located]] = defaultdict(list)
    times = []
    for path in sorted((folder / "images").iterdir())[::step]:
        rgb = decode(path.read_bytes())
        seconds, located = _timed(partial(locator.locate, rgb))
        times.append(seconds)
        seen[levels.get(path.name)].append(located)
    everything = [located for group in seen.values() for located in group]
    yield at_least("clinical photographs with a patch", _covered(everything), 0.98)
    for level in sorted(level for level in seen if level is not None):
        yield at_least(f"the same of level {level}", _covered(seen[level]), 0.95)
    for route in Route:
        print(f"{route.value}: {np.mean([located.route is route for located in everything]):.3f} of the photographs")
    print(f"{1000 * np.median(times):.0f} ms a photograph of 1024 × 1024, {1000 * max(times):.0f} at most")


def _covered(group: Sequence[Located]) -> float:
    return float(np.mean([any(patch.region is not Region.FACE for patch in located.patches) for located in group]))


def _levels(ratings: Path) -> dict[str, int]:
    grades = defaultdict(list)
    with ratings.open(newline="") as rows:
        for row in csv.DictReader(rows):
            if row["grade"]:
                grades[row["image"]].append(float(row["grade"]))
    return {image: int(np.floor(np.mean(values) + 0.5)) for image, values in grades.items()}
