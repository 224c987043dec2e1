"""The grades that figures are made of, as one table: the highest version of every answer about the whole face.

Grades of the second showing of an image (repeat 1 and up), of images that were rejected or erased, and of golden
images that were withdrawn do not count here. The number of queries does not depend on the study's size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from labeler.models import GoldenItem, Label, Membership, Region, Role, Study, usable_images


@dataclass(frozen=True, slots=True)
class Rater:
    """name: for the lead only; tables and exports for others say `code`."""

    membership: int
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class GradeTable:
    """grades: (images, raters) float64 on the study's scale, NaN = none or flagged. answered: bool, the same shape;
    a flag is an answer. images: ids, rising; every golden image is there, and every image with an answer.
    """

    raters: tuple[Rater, ...]
    images: tuple[int, ...]
    golden: frozenset[int]
    grades: NDArray[np.float64]
    answered: NDArray[np.bool_]

    def rows(self, images: Iterable[int]) -> list[int]:
        """The rows of these images, in their order."""
        place = {image: at for at, image in enumerate(self.images)}
        return [place[image] for image in images]

    def columns(self, memberships: Iterable[int]) -> list[int]:
        """The columns of these raters, in their order."""
        place = {rater.membership: at for at, rater in enumerate(self.raters)}
        return [place[membership] for membership in memberships]


def load_grades(study: Study) -> GradeTable:
    """Read the study's current grades, in three queries."""
    members = Membership.objects.filter(study=study, role=Role.RATER).select_related("user").order_by("code")
    raters = tuple(Rater(one.pk, one.code, one.external_name or str(one.user or "")) for one in members)
    items = GoldenItem.objects.filter(usable_images("image__"), study=study, withdrawn_at__isnull=True)
    golden = frozenset(items.values_list("image_id", flat=True))
    answers = _answers(study)
    images = tuple(sorted(golden | {image for _, image, _ in answers}))
    row = {image: at for at, image in enumerate(images)}
    column = {rater.membership: at for at, rater in enumerate(raters)}
    grades = np.full((len(images), len(raters)), np.nan)
    answered = np.zeros(grades.shape, dtype=np.bool_)
    for membership, image, value in answers:
        place = row[image], column[membership]
        answered[place] = True
        if value is not None:
            grades[place] = value
    return GradeTable(raters, images, golden, grades, answered)


def _answers(study: Study) -> list[tuple[int, int, float | None]]:
    """(membership, image, grade or None for a flag) of every answer that counts."""
    newest = (
        Label.objects.filter(
            usable_images("assignment__image__"),
            Q(assignment__image__golden_item__isnull=True)
            | Q(assignment__image__golden_item__withdrawn_at__isnull=True),
            assignment__membership__study=study,
            assignment__repeat=0,
            assignment__revoked_at__isnull=True,
            region=Region.FACE,
        )
        .order_by("assignment_id", "-version")
        .distinct("assignment_id")
    )
    return list(newest.values_list("assignment__membership_id", "assignment__image_id", "level__value"))
