"""From images and raters to folds, queues and a study that labels: what is written, and what is refused."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEvent, User
from labeler import clusters, file_store
from labeler.assignment import assign
from labeler.dealing import SORT_KEY_STEP
from labeler.golden import plan_draw
from labeler.importing import add_image
from labeler.models import (
    Assignment,
    Commitment,
    Fold,
    GoldenItem,
    GoldenSight,
    Image,
    Membership,
    MembershipState,
    Role,
    Study,
    StudyState,
)
from labeler.preview import preview
from labeler.studies import add_member
from labeler.tests.drawn import jpeg
from labeler.verification import verify


@pytest.fixture
def pictures(study: Study) -> Study:
    """Seven training and two golden images, each a cluster of its own."""
    for number in range(9):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM, golden=number < 2)
    clusters.recluster(study, actor=audit.SYSTEM)
    return study


def _told() -> dict[str, Any]:
    """What the audit trail keeps of the assignment."""
    after: dict[str, Any] | None = AuditEvent.objects.get(verb="study.assigned").after
    assert after is not None
    return after


def test_assigning_deals_and_begins(pictures: Study, bob_rates: Membership, carol_rates: Membership) -> None:
    assign(pictures, actor=audit.SYSTEM)
    pictures.refresh_from_db()
    assert pictures.state == StudyState.LABELLING
    assert sorted(Fold.objects.annotate(n=Count("items")).values_list("n", flat=True)) == [3, 4]
    for member in (bob_rates, carol_rates):
        mine = Assignment.objects.filter(membership=member)
        golden = mine.filter(image__golden_item__isnull=False)
        fold = mine.filter(image__fold_items__fold__membership=member)
        assert golden.count() == 2 and golden.count() + fold.count() == mine.count()
        assert all(row.rendition is not None and row.rendition.image_id == row.image_id for row in mine)
    tokens = Assignment.objects.values_list("token", flat=True)
    assert len(set(tokens)) == len(tokens) == 11
    told = _told()
    assert told["golden"] == 2 and told["queues"] == {code: fold + 2 for code, fold in told["folds"].items()}
    assert sorted(told["folds"].values()) == [3, 4]


def test_rejected_and_erased_images_stay_out(pictures: Study, bob_rates: Membership) -> None:
    blurred, kept, erased = Image.objects.filter(golden_item=None).order_by("pk")[:3]
    Image.objects.filter(pk__in=[blurred.pk, kept.pk]).update(rejected_reason="blurred")
    Image.objects.filter(pk=kept.pk).update(rejection_overridden_at=timezone.now())
    Image.objects.filter(pk=erased.pk).update(
        erased_at=timezone.now(), erased_reason="asked", sha256=None, perceptual_hash=None, original=""
    )
    assign(pictures, actor=audit.SYSTEM)
    dealt = set(Assignment.objects.values_list("image_id", flat=True))
    assert kept.pk in dealt and not dealt & {blurred.pk, erased.pk}


def test_a_study_is_assigned_once(pictures: Study, bob_rates: Membership) -> None:
    assign(pictures, actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="has begun"):
        assign(pictures, actor=audit.SYSTEM)
    Study.objects.filter(pk=pictures.pk).update(state=StudyState.DRAFT)
    with pytest.raises(ValidationError, match="assigned already"):
        assign(pictures, actor=audit.SYSTEM)


def test_without_raters_nothing_is_assigned(pictures: Study, bob_rates: Membership) -> None:
    Membership.objects.filter(pk=bob_rates.pk).update(state=MembershipState.WITHDRAWN)
    add_member(pictures, Role.RATER, actor=audit.SYSTEM, external_name="elsewhere")
    with pytest.raises(ValidationError, match="no active rater"):
        assign(pictures, actor=audit.SYSTEM)
    assert not Fold.objects.exists()


def test_the_start_publishes_a_commitment(pictures: Study, bob_rates: Membership) -> None:
    assign(pictures, actor=audit.SYSTEM)
    assert pictures.started_at is not None
    assert verify(pictures).holds
    assert list(Commitment.objects.values_list("number", "event")) == [(1, "labelling began")]


def test_a_start_that_fails_at_its_end_leaves_nothing_behind(
    pictures: Study, bob_rates: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*args: object, **options: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(file_store, "keep_stream", no_room)
    with pytest.raises(OSError):
        assign(pictures, actor=audit.SYSTEM)
    assert not (
        Fold.objects.exists() or Assignment.objects.exists() or AuditEvent.objects.filter(verb="study.assigned")
    )
    assert Study.objects.get(pk=pictures.pk).state == StudyState.DRAFT


def test_images_that_nobody_searched_for_duplicates_are_refused(pictures: Study, bob_rates: Membership) -> None:
    add_image(pictures, "late.jpg", jpeg(100), actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="1 images have not been searched"):
        assign(pictures, actor=audit.SYSTEM)
    assert not Fold.objects.exists()


def test_a_cluster_that_is_golden_in_part_is_refused(pictures: Study, bob_rates: Membership) -> None:
    golden, training = Image.objects.order_by("pk")[1:3]
    Image.objects.filter(pk=training.pk).update(cluster=golden.cluster)
    with pytest.raises(ValidationError, match="1 clusters are golden in part only"):
        assign(pictures, actor=audit.SYSTEM)
    assert not Fold.objects.exists()


def test_a_cluster_lies_in_one_fold(pictures: Study, bob_rates: Membership, carol_rates: Membership) -> None:
    together = list(Image.objects.filter(golden_item=None).order_by("pk")[:4])
    Image.objects.filter(pk__in=[image.pk for image in together]).update(cluster=together[0].pk)
    assign(pictures, actor=audit.SYSTEM)
    assert Fold.objects.filter(items__image__in=together).distinct().count() == 1
    assert sorted(Fold.objects.annotate(n=Count("items")).values_list("n", flat=True)) == [3, 4]


def test_overlap_and_repeats_are_dealt(pictures: Study, bob_rates: Membership, carol_rates: Membership) -> None:
    Study.objects.filter(pk=pictures.pk).update(overlap=2, repeat_share=0.25)
    assign(pictures, actor=audit.SYSTEM)
    assert set(Fold.objects.annotate(n=Count("items")).values_list("n", flat=True)) == {7}
    for member in (bob_rates, carol_rates):
        queue = Assignment.objects.filter(membership=member).order_by("sort_key")
        assert [row.sort_key for row in queue] == [place * SORT_KEY_STEP for place in range(1, 12)]
        again = queue.filter(repeat=1)
        assert again.count() == 2 and queue.filter(image__in=again.values("image"), repeat=0).count() == 2


def test_more_overlap_than_raters_is_refused(pictures: Study, bob_rates: Membership) -> None:
    Study.objects.filter(pk=pictures.pk).update(overlap=2)
    with pytest.raises(ValidationError, match="to go to 2 raters, but there are only 1"):
        assign(pictures, actor=audit.SYSTEM)


def test_a_planned_draw_is_made_at_the_start_and_seen_by_nobody(
    pictures: Study, alice: User, bob_rates: Membership
) -> None:
    plan_draw(pictures, 3, "", actor=audit.SYSTEM)
    assign(pictures, actor=Actor(user=alice))
    assert GoldenItem.objects.count() == 5
    assert Assignment.objects.filter(image__golden_item__isnull=False).count() == 5
    assert _told()["drawn"] == 3
    assert not GoldenSight.objects.exists()


def test_the_audit_trail_and_the_refusals_name_no_image(pictures: Study, bob_rates: Membership) -> None:
    """Both are read by leads who may rate."""
    assign(pictures, actor=audit.SYSTEM)
    assert set(_told()) == {"folds", "queues", "golden", "drawn", "clusters", "overlap", "repeat_share"}


def test_progress_is_told_by_phases(pictures: Study, bob_rates: Membership, carol_rates: Membership) -> None:
    told: list[tuple[int, int, str]] = []
    assign(pictures, actor=audit.SYSTEM, report=lambda *report: told.append(report))
    assert [done for done, _, _ in told] == [0, 1, 2, 3, 4] and {total for _, total, _ in told} == {5}


def test_a_preview_shows_sizes_and_fixes_nothing(
    pictures: Study, bob_rates: Membership, carol_rates: Membership
) -> None:
    plan_draw(pictures, 2, "", actor=audit.SYSTEM)
    Study.objects.filter(pk=pictures.pk).update(repeat_share=0.25)
    pictures.refresh_from_db()
    seen = preview(pictures)
    assert [(load.code, load.who) for load in seen.loads] == [("R01", "Bob"), ("R02", "Carol")]
    assert sorted((load.fold, load.golden, load.repeats, load.queue) for load in seen.loads) == [
        (2, 4, 2, 8),
        (3, 4, 2, 9),
    ]
    assert (seen.training, seen.golden, seen.drawn, seen.clusters, seen.total) == (5, 4, 2, 5, 17)
    assert seen.problems == () and not Assignment.objects.exists() and GoldenItem.objects.count() == 2


def test_a_preview_says_what_would_stop_the_start(pictures: Study) -> None:
    add_image(pictures, "late.jpg", jpeg(100), actor=audit.SYSTEM)
    Study.objects.filter(pk=pictures.pk).update(golden_draw_size=50)
    pictures.refresh_from_db()
    seen = preview(pictures)
    assert seen.loads == () and len(seen.problems) == 3
    for problem, words in zip(seen.problems, ("no active rater", "1 images", "50 golden images"), strict=True):
        assert words in problem


def test_without_images_nothing_is_assigned(study: Study, bob_rates: Membership) -> None:
    with pytest.raises(ValidationError, match="no images"):
        assign(study, actor=audit.SYSTEM)


def test_raters_without_accounts_take_part_when_named(pictures: Study) -> None:
    simulated = [add_member(pictures, Role.RATER, actor=audit.SYSTEM, external_name=name) for name in ("one", "two")]
    assert len(assign(pictures, actor=audit.SYSTEM, memberships=simulated)) == 2
    assert Assignment.objects.filter(membership__in=simulated).count() == 7 + 2 * 2


def test_a_rater_of_another_study_is_refused(pictures: Study) -> None:
    stranger = add_member(Study.objects.create(name="Another"), Role.RATER, actor=audit.SYSTEM, external_name="x")
    with pytest.raises(ValidationError, match="raters of this study"):
        assign(pictures, actor=audit.SYSTEM, memberships=[stranger])
