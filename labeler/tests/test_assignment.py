"""Who grades what: the plan, and how it is written down."""

from collections import Counter

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from labeler.assignment import assign, plan
from labeler.importing import add_image
from labeler.models import Assignment, Fold, Image, Membership, MembershipState, Role, Study, StudyState
from labeler.studies import add_member
from labeler.tests.drawn import jpeg

RATERS = [f"R{number:02d}" for number in range(1, 12)]


@pytest.mark.parametrize("training", [0, 1, 10, 11, 12, 330, 1001])
@pytest.mark.parametrize("raters", [1, 2, 11])
def test_folds_are_even_and_cover_every_training_image_once(training: int, raters: int) -> None:
    shares = plan(range(training), range(5000, 5060), RATERS[:raters], seed=3)
    sizes = [len(share.fold) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert Counter(image for share in shares for image in share.fold) == Counter(range(training))


def test_everybody_gets_their_fold_and_the_whole_golden_set() -> None:
    golden = range(5000, 5060)
    for share in plan(range(330), golden, RATERS, seed=3):
        assert sorted(share.order) == sorted([*share.fold, *golden])


def test_the_plan_follows_the_seed() -> None:
    first, again, other = (plan(range(100), range(200, 220), RATERS[:3], seed) for seed in (3, 3, 4))
    assert first == again and first != other


def test_no_two_raters_share_an_order() -> None:
    golden = list(range(5000, 5060))
    orders = [[image for image in share.order if image in golden] for share in plan([], golden, RATERS, seed=3)]
    assert len({tuple(order) for order in orders}) == len(RATERS)


def test_golden_images_are_as_likely_in_every_place() -> None:
    """Over many seeds, each tenth of the queue holds a tenth of the golden set (chi-squared, 9 degrees of freedom)."""
    counts = [0] * 10
    for seed in range(300):
        for place, image in enumerate(plan(range(180), range(1000, 1020), RATERS[:1], seed)[0].order):
            counts[place // 20] += image >= 1000
    expected = sum(counts) / 10
    assert sum((count - expected) ** 2 / expected for count in counts) < 27.9  # p = 0.001


@pytest.fixture
def pictures(study: Study) -> Study:
    """Seven training and two golden images."""
    for number in range(9):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM, golden=number < 2)
    return study


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
    assert AuditEvent.objects.get(verb="study.assigned").after == {"folds": {"R01": 4, "R02": 3}, "golden": 2}


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
