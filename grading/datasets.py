"""The data set that a run trains on and is judged by, frozen as a manifest whose sha256 is its identity.

A training image's target is the mean of its raters' current grades. Images that share a person, a near-duplicate or a
value of the chosen column with the golden set don't train: no face is on both sides.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from grading.consensus import METHOD, PanelFigures, freeze_figures, panel_figures
from grading.groups import candidates, group, shared_groups
from grading.models import Dataset, Scope
from labeler import file_store
from labeler.models import GoldenItem, Study
from mlcore.records import Rating

SCHEMA: Final = 2
MIN_TRAINING_IMAGES: Final = 10
MIN_PANEL: Final = 2


class NotTrainable(Exception):
    """The study's grades can't train or judge a model yet; the message says what is missing, for people."""


@dataclass(frozen=True, slots=True)
class TrainingImage:
    """target: mean of `grades`. group: what it must stay together with in splits."""

    sha256: str
    target: float
    grades: tuple[Rating, ...]
    group: str


@dataclass(frozen=True, slots=True)
class GoldenImage:
    """truth: the panel's consensus of n grades. complete: every rater of the panel graded it."""

    sha256: str
    truth: float
    n: int
    complete: bool
    group: str


@dataclass(frozen=True, slots=True)
class PanelRater:
    """A rater of the panel and both errors on the complete golden images (see `mlcore.agreement`)."""

    code: str
    rmse: float
    rmse_to_others: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that decides what a run learns and is judged by; the same content has the same sha256.

    left_out: images with grades that don't train, as they share a group with the golden set. ungraded_golden: golden
    images that nobody of the panel graded, so that there is no truth.
    """

    levels: tuple[float, ...]
    method: str
    raters: tuple[PanelRater, ...]
    group_column: str
    training: tuple[TrainingImage, ...]
    golden: tuple[GoldenImage, ...]
    left_out: tuple[str, ...]
    ungraded_golden: tuple[str, ...]

    def to_bytes(self) -> bytes:
        """Canonical JSON: one manifest has one spelling."""
        fields = {"schema": SCHEMA, **asdict(self)}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Raises NotTrainable for what another version of Goldfold froze."""
        fields: dict[str, Any] = json.loads(data)
        if fields.pop("schema") != SCHEMA:
            raise NotTrainable("The data set was frozen by another version of Goldfold; start a new run.")
        fields["training"] = tuple(
            TrainingImage(**{**one, "grades": tuple(Rating(**grade) for grade in one["grades"])})
            for one in fields["training"]
        )
        fields["raters"] = tuple(PanelRater(**one) for one in fields["raters"])
        fields["golden"] = tuple(GoldenImage(**one) for one in fields["golden"])
        for name in ("levels", "left_out", "ungraded_golden"):
            fields[name] = tuple(fields[name])
        return cls(**fields)


def check_trainable(study: Study, figures: PanelFigures) -> None:
    """Raise NotTrainable unless there is something to learn from and a bar to be judged by.

    figures: those of the golden set.
    """
    if not figures.table.golden:
        raise NotTrainable("The study has no golden set, so there is nothing to judge a model by.")
    if len(figures.panel) < MIN_PANEL:
        raise NotTrainable(
            f"The panel has {len(figures.panel)} rater(s) who answered 90 % of the golden set; it takes {MIN_PANEL} to "
            "have a bar to judge a model by."
        )
    if figures.agreement.reason:
        raise NotTrainable(figures.agreement.reason)
    graded = len(_targets(study, figures))
    if graded < MIN_TRAINING_IMAGES:
        raise NotTrainable(
            f"Only {graded} image(s) outside the golden set have a grade; training takes {MIN_TRAINING_IMAGES}."
        )


def plan_dataset(study: Study, figures: PanelFigures, group_column: str = "") -> Manifest:
    """What a run would train on now. figures: those of the golden set. Raises NotTrainable."""
    check_trainable(study, figures)
    targets = _targets(study, figures)
    truth = figures.truth
    found = candidates(study, [*targets, *figures.table.golden], group_column)
    groups, sha256 = group(found), {one.image: one.sha256 for one in found}
    taken = shared_groups(groups, figures.table.golden)
    kept = [image for image in targets if image in groups and groups[image] not in taken]
    if len(kept) < MIN_TRAINING_IMAGES:
        raise NotTrainable(
            f"Only {len(kept)} graded image(s) share no person, near-duplicate or group with the golden set; training "
            f"takes {MIN_TRAINING_IMAGES}."
        )
    training = (TrainingImage(sha256[image], *targets[image], groups[image]) for image in kept)
    golden = (
        GoldenImage(sha256[image], truth[image].value, truth[image].n, image in figures.complete, groups[image])
        for image in figures.table.golden
        if image in truth
    )
    return Manifest(
        levels=tuple(study.levels.order_by("value").values_list("value", flat=True)),
        method=METHOD,
        raters=_panel_raters(figures),
        group_column=group_column,
        training=tuple(sorted(training, key=lambda one: one.sha256)),
        golden=tuple(sorted(golden, key=lambda one: one.sha256)),
        left_out=tuple(sorted(sha256[image] for image in targets if groups.get(image) in taken)),
        ungraded_golden=tuple(sorted(sha256[image] for image in figures.table.golden if image not in truth)),
    )


@transaction.atomic
def freeze_dataset(study: Study, actor: Actor, group_column: str = "") -> Dataset:
    """Freeze the panel's consensus on the golden set and the training images with their targets.

    The same grades give the same data set again, with the consensus version that it was first frozen with. Raises
    NotTrainable.
    """
    Study.objects.select_for_update(no_key=True).get(pk=study.pk)  # an override meanwhile would be lost
    figures = panel_figures(study, Scope.GOLDEN)
    manifest = plan_dataset(study, figures, group_column)
    known = Dataset.objects.filter(study=study, sha256=manifest.sha256).first()
    if known is not None:
        file_store.keep(known.path, manifest.to_bytes())
        return known
    path = f"studies/{study.pk}/datasets/{manifest.sha256}.json"
    file_store.keep(path, manifest.to_bytes())
    dataset = Dataset.objects.create(
        study=study,
        sha256=manifest.sha256,
        path=path,
        images=len(manifest.training),
        consensus_version=freeze_figures(study, figures, actor),
    )
    after = {"sha256": dataset.sha256, "images": dataset.images, "golden": len(manifest.golden)}
    audit.record(actor, "dataset.frozen", dataset, study_id=study.pk, after=after)
    return dataset


def load_manifest(dataset: Dataset) -> Manifest:
    """The manifest of a frozen data set. Raises ValueError where the file is not what was frozen."""
    data = file_store.read(dataset.path)
    if hashlib.sha256(data).hexdigest() != dataset.sha256:
        raise ValueError(f"the manifest {dataset.path} is not what was frozen")
    return Manifest.from_bytes(data)


def _targets(study: Study, figures: PanelFigures) -> dict[int, tuple[float, tuple[Rating, ...]]]:
    """Mean grade, and who gave which, of every graded image that never was golden.

    Whom the lead took out of the panel teaches the model nothing either; who merely has not answered enough golden
    items yet does.
    """
    ever_golden = frozenset(GoldenItem.objects.filter(study=study).values_list("image_id", flat=True))
    table, out = figures.table, {seat.code for seat in figures.seats if seat.overridden and not seat.counts}
    codes = [rater.code for rater in table.raters]
    teaches = np.array([code not in out for code in codes], dtype=np.bool_)
    found = {}
    for image, row in zip(table.images, table.grades, strict=True):
        given = np.flatnonzero(~np.isnan(row) & teaches)
        if given.size and image not in ever_golden:
            grades = tuple(Rating(codes[at], float(row[at])) for at in given.tolist())
            found[image] = float(row[given].mean()), grades
    return found


def _panel_raters(figures: PanelFigures) -> tuple[PanelRater, ...]:
    rated = zip(figures.panel, figures.agreement.raters, strict=True)
    return tuple(
        PanelRater(seat.code, one.rmse, one.rmse_to_others)
        for seat, one in rated
        if one.rmse is not None and one.rmse_to_others is not None
    )
