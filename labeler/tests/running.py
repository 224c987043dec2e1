"""Studies that label, for tests of what happens to them: rows alone, without any picture's bytes."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence

from accounts import audit
from accounts.models import User
from labeler.assignment import assign
from labeler.models import Assignment, GoldenItem, Image, Membership, Rendition, Role, Study
from labeler.studies import add_member, create_study

_numbers = itertools.count(1)


def add_images(study: Study, clusters: Sequence[int]) -> list[Image]:
    """An image for each place of each cluster; `clusters` lists their sizes."""
    start = next(_numbers) * 1_000_000
    made = Image.objects.bulk_create(
        Image(
            study=study,
            sha256=hashlib.sha256(f"{study.pk} {start + number}".encode()).hexdigest(),
            perceptual_hash=start + number,
            width=96,
            height=128,
        )
        for number in range(sum(clusters))
    )
    Rendition.objects.bulk_create(
        Rendition(image=image, width=96, height=128, bytes=1, path=f"none/{image.pk}.jpg") for image in made
    )
    rest = iter(made)
    for size in clusters:
        members = list(itertools.islice(rest, size))
        for image in members:
            image.cluster = members[0].pk
    Image.objects.bulk_update(made, ["cluster"], batch_size=2000)
    return made


def rater(study: Study, name: str = "") -> Membership:
    """One more rater with an account, who has nothing yet."""
    user = User.objects.create_user(f"{name or f'rater{next(_numbers)}'}@{study.pk}.example.org")
    return add_member(study, Role.RATER, user=user, actor=audit.SYSTEM)


def running(
    *,
    raters: int = 3,
    training: Sequence[int] = (1,) * 60,
    golden: int = 12,
    overlap: int = 1,
    repeat_share: float = 0.0,
    seed: int = 7,
) -> Study:
    """A study that labels; `training` lists the sizes of the clusters of training images."""
    study = create_study(f"Study {next(_numbers)}", actor=audit.SYSTEM, lead=None, seed=seed)
    study.overlap, study.repeat_share = overlap, repeat_share
    study.save()
    chosen = add_images(study, (1,) * golden)
    GoldenItem.objects.bulk_create(GoldenItem(study=study, image=image) for image in chosen)
    add_images(study, training)
    for _ in range(raters):
        rater(study)
    assign(study, actor=audit.SYSTEM)
    study.refresh_from_db()
    return study


def raters_of(study: Study) -> list[Membership]:
    return list(Membership.objects.filter(study=study, role=Role.RATER).order_by("code"))


Row = tuple[object, ...]


def released(study: Study) -> dict[int, Row]:
    """All that must never change of what was sent, by assignment."""
    rows = Assignment.objects.filter(membership__study=study, released_at__isnull=False)
    return {row[0]: row for row in rows.values_list()}
