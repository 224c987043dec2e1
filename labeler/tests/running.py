"""Studies that label, for tests of what happens to them: rows alone, without any picture's bytes."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import Count

from accounts import audit
from accounts.models import AuditEvent, User
from labeler.assignment import assign
from labeler.models import (
    Assignment,
    Fold,
    FoldItem,
    GoldenItem,
    Image,
    Membership,
    MembershipState,
    Rendition,
    Role,
    Study,
)
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


def loads(study: Study) -> dict[str, int]:
    folds = Fold.objects.filter(study=study, membership__state=MembershipState.ACTIVE)
    return dict(folds.annotate(n=Count("items")).values_list("membership__code", "n"))


def spread(study: Study) -> int:
    sizes = loads(study).values()
    return max(sizes) - min(sizes)


def queue_of(membership: Membership) -> list[Assignment]:
    return list(Assignment.objects.filter(membership=membership, revoked_at__isnull=True).order_by("sort_key"))


def check_whole(study: Study) -> None:
    """No image is lost or doubled, none is golden and in a fold, and queues hold what folds and golden set say."""
    golden = set(GoldenItem.objects.filter(study=study).values_list("image_id", flat=True))
    in_use = set(GoldenItem.objects.filter(study=study, withdrawn_at__isnull=True).values_list("image_id", flat=True))
    items = list(FoldItem.objects.filter(fold__study=study).values_list("fold__membership_id", "image_id"))
    folds = Counter(image for _, image in items)
    assert not golden & set(folds)
    assert set(folds.values()) <= {study.overlap}
    for member in raters_of(study):
        if member.state != MembershipState.ACTIVE:
            continue
        queue = queue_of(member)
        firsts = Counter(row.image_id for row in queue if row.repeat == 0)
        assert set(firsts.values()) <= {1}
        mine = {image for owner, image in items if owner == member.pk}
        sent_before_withdrawn = {row.image_id for row in queue if row.released_at} & (golden - in_use)
        assert set(firsts) == mine | in_use | sent_before_withdrawn
        sent = [row.released_at is not None for row in queue]
        assert sent == sorted(sent, reverse=True), "what was sent is the beginning of the queue"


def check_clusters(study: Study) -> None:
    """A cluster is in no two folds, but for the overlap."""
    pairs = set(FoldItem.objects.filter(fold__study=study).values_list("image__cluster", "fold"))
    owners = Counter(cluster for cluster, _ in pairs)
    assert set(owners.values()) <= {study.overlap}


def told(verb: str) -> dict[str, Any]:
    """What the one audit record of that verb says of after."""
    after: dict[str, Any] | None = AuditEvent.objects.get(verb=verb).after
    assert after is not None
    return after
