"""Do raters' browsers get anything that tells golden images from training images? An attacker tries.

A study is made by the product's own import, draw and assignment, and served as `make run` serves it. The attacker signs
in as each rater over HTTP, labels the whole queue by a rule that does not know the set, and keeps all that came:
addresses, headers and their order, cookies, fields, sizes, the pictures' structure, order and gaps, and how long
everything took. A classifier, chosen and seeded beforehand, learns on some raters and images and guesses on others.

That the attacker can see is shown on six builds that leak, on a smaller study, with nothing else changed.

With `quick` the clean study is small too: its interval is then too wide for the bars asked, and they say so.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import cv2
import numpy as np

from bench.attack import features
from bench.attack.browser import BrowserOfRater, label
from bench.attack.classifier import Attacked, Auc, attack, telling
from bench.attack.features import Row
from bench.attack.raters import PASSWORD, email
from bench.bars import Bar, above, at_least, at_most, below
from bench.place import Place, servers
from bench.site import site


@dataclass(frozen=True, slots=True)
class Size:
    """A study's images, how many of them are golden, its raters, and in how many groups its images are guessed."""

    images: int
    golden: int
    raters: int
    groups: int


LEAKS = (
    "ids in order",
    "file name kept",
    "skip hidden on golden",
    "golden first",
    "golden re-encoded differently",
    "golden answered 25 ms later",
)
MOST_TELLING = 3
FULL = Size(10_000, 2_000, 4, groups=8)
QUICK = Size(1_500, 250, 3, groups=5)
LEAKY = Size(600, 200, 3, groups=5)
LEAKY_QUICK = Size(160, 60, 2, groups=2)


def run(quick: bool) -> list[Bar]:
    size, leaky_size = (QUICK, LEAKY_QUICK) if quick else (FULL, LEAKY)
    with servers() as place:
        place.manage("migrate", "--noinput", "--verbosity", "0")
        small = _study(place.copy("small"), leaky_size)
        _study(place, size)
        began = time.monotonic()
        clean = _attacked(place, size)
        found = {"clean": attack(clean, size.groups)}
        _say("clean", found["clean"], clean, began)
        for number, name in enumerate(LEAKS):
            began = time.monotonic()
            copy = small.copy(f"leaky_{number}")
            copy.run("bench.attack.leaks:prepare", name)
            seen = _attacked(copy, leaky_size, name)
            found[name] = attack(seen, leaky_size.groups)
            _say(name, found[name], seen, began)
    return [*_clean_bars(found["clean"], clean, size, quick), *_leaky_bars(found)]


def _study(place: Place, size: Size) -> Place:
    began = time.monotonic()
    place.run("bench.attack.studies:build", str(size.images), str(size.golden), str(size.raters))
    took = time.monotonic() - began
    print(f"{size.images} images imported and dealt to {size.raters} raters in {took:.0f} s", flush=True)
    return place


def _attacked(place: Place, size: Size, leak: str = "") -> Attacked:
    """Label everything as every rater, and lay the truth beside what was seen."""
    numbers = range(1, size.raters + 1)
    place.forget_files()
    with (
        site(place, leak) as port,
        ProcessPoolExecutor(os.cpu_count(), get_context("fork"), initializer=cv2.setNumThreads, initargs=(1,)) as pool,
    ):
        queues = list(pool.map(_queue, [port] * size.raters, numbers))
    truth = {
        str(token): (int(str(image)), bool(golden))
        for token, image, golden in place.rows(
            "SELECT a.token, a.image_id, g.id IS NOT NULL FROM labeler_assignment a"
            " LEFT JOIN labeler_goldenitem g ON g.image_id = a.image_id"
        )
    }
    tokens = [token for queue in queues for token, _ in queue]
    table, names = features.matrix([row for queue in queues for _, row in queue])
    return Attacked(
        features=table,
        names=tuple(names),
        rater=np.array([number for number, queue in zip(numbers, queues, strict=True) for _ in queue]),
        image=np.array([truth[token][0] for token in tokens]),
        golden=np.array([truth[token][1] for token in tokens]),
    )


def _queue(port: int, number: int) -> list[tuple[str, Row]]:
    return features.of_queue(label(BrowserOfRater(port, email(number), PASSWORD), number))


def _say(name: str, auc: Auc, seen: Attacked, began: float) -> None:
    rows, columns = seen.features.shape
    print(
        f"{name:32} AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}); {rows} sightings of"
        f" {len(np.unique(seen.image))} images, {columns} features, {time.monotonic() - began:.0f} s",
    )
    columns_alone = ", ".join(f"{column} ({area:.3f})" for column, area in telling(seen, MOST_TELLING))
    print(f"{'':32} most telling alone: {columns_alone}", flush=True)


def _clean_bars(auc: Auc, seen: Attacked, size: Size, quick: bool) -> list[Bar]:
    golden = len(np.unique(seen.image[seen.golden]))
    # Few images make a wide interval: it can only show that nothing is grossly wrong.
    most, note = (0.58, " (quick: a small study)") if quick else (0.53, "")
    return [
        at_least("images in the study", len(np.unique(seen.image)), size.images),
        at_least("golden images", golden, size.golden),
        at_least("raters attacked", len(np.unique(seen.rater)), size.raters),
        below(f"clean: AUC, upper bound of 95 %{note}", auc.high, most),
        at_most(f"clean: AUC, lower bound of 95 %{note}", auc.low, 0.5),
        Bar(f"clean: AUC{note}", auc.value, "", "reported", True),
    ]


def _leaky_bars(found: dict[str, Auc]) -> list[Bar]:
    bars = []
    for name in LEAKS:
        bars.append(above(f"{name}: AUC", found[name].value, 0.9))
        bars.append(Bar(f"{name}: AUC, lower bound of 95 %", found[name].low, "", "reported", True))
    return bars
