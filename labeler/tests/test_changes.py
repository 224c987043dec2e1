"""What happens to a study while it runs: what was sent stays, loads stay even, nothing is lost."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import audit
from labeler import labelling
from labeler.answering import answer
from labeler.changes import (
    NotRunning,
    add_late_rater,
    deal_added,
    plan_added,
    plan_late_rater,
    plan_withdrawal,
    withdraw_golden,
    withdraw_rater,
)
from labeler.changes.added_images import golden_share
from labeler.models import (
    Assignment,
    Commitment,
    FoldItem,
    GoldenItem,
    Image,
    Membership,
    MembershipState,
    Study,
    StudyState,
)
from labeler.studies import set_state
from labeler.tests.factories import grade
from labeler.tests.running import (
    add_images,
    check_clusters,
    check_whole,
    loads,
    queue_of,
    rater,
    raters_of,
    released,
    running,
    spread,
    told,
)

pytestmark = pytest.mark.django_db


# A rater who comes late


def test_a_late_rater_gets_the_golden_set_and_an_even_part() -> None:
    study = running(raters=3, training=(1,) * 60)
    before = released(study)
    plan = plan_late_rater(study)
    newcomer = rater(study)
    done = add_late_rater(study, newcomer, actor=audit.SYSTEM)
    assert loads(study) == {"R01": 15, "R02": 15, "R03": 15, "R04": 15}
    assert done == plan and plan.fold == 15 and plan.golden == 12
    assert [(portion.code, portion.had, portion.has) for portion in plan.portions] == [
        ("R01", 20, 15),
        ("R02", 20, 15),
        ("R03", 20, 15),
    ]
    assert len(queue_of(newcomer)) == 27 and released(study) == before
    taken = Assignment.objects.filter(revoked_at__isnull=False)
    assert set(taken.values_list("revoke_reason", flat=True)) == {"went to a rater who came later"}
    assert set(taken.values_list("image_id", flat=True)) == set(
        newcomer.folds.get().items.values_list("image_id", flat=True)
    )
    after = told("rater.added_late")
    assert after["fold"] == 15 and after["folds"] == {"R01": 15, "R02": 15, "R03": 15}
    check_whole(study)


@pytest.mark.parametrize("overlap", [1, 2])
def test_a_late_rater_takes_whole_clusters_of_which_nothing_was_sent(overlap: int) -> None:
    sizes = [1, 2, 3, 4] * 12
    study = running(raters=3, training=sizes, overlap=overlap)
    for member in raters_of(study):
        labelling.window(member, 12)
    before = released(study)
    sent = {
        (member, cluster)
        for member, cluster in Assignment.objects.filter(released_at__isnull=False).values_list(
            "membership", "image__cluster"
        )
    }
    folds = {
        (member, cluster) for member, cluster in FoldItem.objects.values_list("fold__membership", "image__cluster")
    }
    newcomer = rater(study)
    add_late_rater(study, newcomer, actor=audit.SYSTEM)
    assert released(study) == before
    left = {(member, cluster) for member, cluster in FoldItem.objects.values_list("fold__membership", "image__cluster")}
    assert not (folds - left) & sent and folds - left
    check_whole(study)
    check_clusters(study)
    if overlap == 1:
        assert spread(study) <= max(sizes)


def test_a_late_rater_leaves_loads_as_even_as_single_images_would() -> None:
    """Clusters of up to four images, and enough small ones among them to fill the gaps."""
    for seed in range(6):
        study = running(raters=10, training=(1, 1, 1, 2, 1, 3, 1, 4, 1, 2) * 18, golden=2, seed=seed)
        add_late_rater(study, rater(study), actor=audit.SYSTEM)
        assert spread(study) <= 1
        check_whole(study)


def test_a_late_rater_takes_first_what_nobody_grades_any_more() -> None:
    study = running(raters=1, training=(1,) * 20)
    labelling.window(raters_of(study)[0], 8)
    withdraw_rater(raters_of(study)[0], "ill", actor=audit.SYSTEM)
    sent = FoldItem.objects.filter(image__assignments__released_at__isnull=False).count()
    newcomer = rater(study)
    plan = add_late_rater(study, newcomer, actor=audit.SYSTEM)
    assert plan.fold == 20 - sent and newcomer.folds.get().items.count() == 20 - sent
    check_whole(study)


def test_who_would_get_the_golden_set_alone_is_not_added() -> None:
    study = running(raters=2, training=(1,) * 10)
    for member in raters_of(study):
        labelling.window(member, 20)
        for row in queue_of(member):
            Assignment.objects.filter(pk=row.pk, released_at=None).update(released_at=timezone.now())
    with pytest.raises(ValidationError, match="golden set alone"):
        plan_late_rater(study)


def test_who_has_images_is_no_late_rater() -> None:
    study = running()
    with pytest.raises(ValidationError, match="has images already"):
        add_late_rater(study, raters_of(study)[0], actor=audit.SYSTEM)


# A rater who drops out


def test_what_a_drop_out_was_not_sent_goes_evenly_to_the_others() -> None:
    study = running(raters=4, training=(1,) * 80)
    gone = raters_of(study)[0]
    labelling.window(gone, 10)
    before = released(study)
    plan = plan_withdrawal(gone)
    assert withdraw_rater(gone, " ill ", actor=audit.SYSTEM) == plan
    gone.refresh_from_db()
    assert (gone.state, gone.withdrawn_reason) == (MembershipState.WITHDRAWN, "ill") and gone.withdrawn_at is not None
    sent = Assignment.objects.filter(membership=gone, released_at__isnull=False)
    kept = gone.folds.get().items.count()
    assert kept == sent.filter(image__golden_item=None).count() == plan.ungraded == plan.unanswered
    assert plan.moved == 20 - kept and sum(loads(study).values()) == 80 - kept
    assert spread(study) <= 1 and released(study) == before
    assert not Assignment.objects.filter(membership=gone, released_at=None, revoked_at=None).exists()
    after = told("rater.withdrawn")
    assert after["reason"] == "ill" and after["ungraded"] == kept
    assert sum(after["dealt"].values()) == plan.moved
    check_whole(study)


def test_what_a_drop_out_graded_is_not_counted_as_ungraded() -> None:
    study = running(raters=2, training=(1,) * 40, golden=0)
    gone = raters_of(study)[0]
    window = labelling.window(gone, 5)
    for token in window.tokens[:3]:
        answer(gone, grade(token))
    assert plan_withdrawal(gone).ungraded == 2


def test_a_cluster_that_was_sent_in_part_gets_no_second_rater() -> None:
    study = running(raters=2, training=(4,) * 10, golden=4)
    gone, other = raters_of(study)
    labelling.window(gone, 6)
    sent = set(
        Assignment.objects.filter(membership=gone, released_at__isnull=False, image__golden_item=None).values_list(
            "image__cluster", flat=True
        )
    )
    plan = withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    kept = FoldItem.objects.filter(fold__membership=gone)
    assert set(kept.values_list("image__cluster", flat=True)) == sent
    assert plan.beside_sent + plan.unanswered == kept.count() and plan.beside_sent > 0
    assert loads(study) == {other.code: 40 - kept.count()}
    check_clusters(study)


def test_with_overlap_nobody_gets_an_image_twice() -> None:
    study = running(raters=4, training=(1, 2, 3) * 12, overlap=2)
    withdraw_rater(raters_of(study)[1], "ill", actor=audit.SYSTEM)
    assert spread(study) <= 3
    check_whole(study)
    check_clusters(study)


def test_with_overlap_and_too_few_raters_left_the_rest_waits_for_a_late_one() -> None:
    study = running(raters=2, training=(1,) * 20, overlap=2)
    gone, other = raters_of(study)
    plan = withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    assert (plan.moved, plan.nobodys) == (0, 20)
    add_late_rater(study, rater(study), actor=audit.SYSTEM)
    assert loads(study) == {other.code: 20, "R03": 20}
    check_whole(study)


def _answer_everything(member: Membership) -> None:
    while tokens := labelling.window(member, 20).tokens:
        for token in tokens:
            answer(member, grade(token))


def test_no_tail_of_training_images_for_who_has_seen_all_golden_ones() -> None:
    study = running(raters=3, training=(1,) * 30, golden=6)
    gone, done, hopeful = raters_of(study)
    _answer_everything(done)
    plan = withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    assert loads(study) == {done.code: 10, hopeful.code: 20} and not plan.training_only
    _answer_everything(hopeful)
    assert not plan_withdrawal(done).training_only and plan_withdrawal(done).moved == 0


def test_where_everybody_has_seen_all_golden_images_it_is_said() -> None:
    study = running(raters=3, training=(1,) * 30, golden=6)
    gone, *others = raters_of(study)
    for member in others:
        _answer_everything(member)
    plan = withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    assert plan.training_only and sorted(loads(study).values()) == [15, 15]


def test_a_drop_out_needs_a_reason_a_rater_and_an_open_study() -> None:
    study = running()
    gone = raters_of(study)[0]
    with pytest.raises(ValidationError, match="Say why"):
        withdraw_rater(gone, "  ", actor=audit.SYSTEM)
    withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="no longer"):
        withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    set_state(study, StudyState.CLOSED, actor=audit.SYSTEM)
    with pytest.raises(NotRunning):
        withdraw_rater(raters_of(study)[1], "ill", actor=audit.SYSTEM)


def test_who_leaves_before_the_start_leaves_nothing_behind(study: Study, bob_rates: Membership) -> None:
    withdraw_rater(bob_rates, "no time", actor=audit.SYSTEM)
    bob_rates.refresh_from_db()
    assert bob_rates.state == MembershipState.WITHDRAWN and not Commitment.objects.exists()


# Images that come later


def test_added_images_have_the_study_s_own_mix() -> None:
    study = running(raters=3, training=(1,) * 90, golden=30)
    assert golden_share(study) == 0.25
    added = add_images(study, (1,) * 400)
    before = released(study)
    plan = deal_added(study, actor=audit.SYSTEM)
    assert 70 <= len(plan.golden) <= 130  # six standard deviations around 100
    assert plan.training == 400 - len(plan.golden) and plan.left_out == ()
    assert spread(study) <= 1 and released(study) == before
    assert {image.pk for image in added} <= set(Assignment.objects.values_list("image_id", flat=True))
    assert told("images.dealt")["golden"] == len(plan.golden)
    check_whole(study)


def test_added_clusters_stay_whole_and_go_where_their_images_are() -> None:
    study = running(raters=3, training=(2,) * 30, golden=6)
    in_fold = FoldItem.objects.filter(fold__membership__code="R02").select_related("image")[0].image
    golden = GoldenItem.objects.select_related("image")[0].image
    beside_fold, beside_golden, *fresh = add_images(study, (1, 1, 3, 3))
    Image.objects.filter(pk=beside_fold.pk).update(cluster=in_fold.cluster)
    Image.objects.filter(pk=beside_golden.pk).update(cluster=golden.cluster)
    plan = deal_added(study, actor=audit.SYSTEM, share=0)
    assert FoldItem.objects.get(image=beside_fold).fold.membership == raters_of(study)[1]
    assert plan.golden == (beside_golden.pk,) and plan.training == 7 and plan.left_out == ()
    assert Assignment.objects.filter(image=beside_golden).count() == 3
    assert FoldItem.objects.filter(image__in=fresh).count() == 6
    check_whole(study)
    check_clusters(study)


def test_an_image_of_a_drop_outs_cluster_is_left_out() -> None:
    study = running(raters=2, training=(2,) * 10, golden=0)
    gone = raters_of(study)[0]
    labelling.window(gone, 1)
    withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    kept = FoldItem.objects.filter(fold__membership=gone).select_related("image")[0].image
    (late,) = add_images(study, (1,))
    Image.objects.filter(pk=late.pk).update(cluster=kept.cluster)
    assert [one.image for one in plan_added(study).left_out] == [late.pk]
    with pytest.raises(ValidationError, match="None of the 1 images"):
        deal_added(study, actor=audit.SYSTEM)


def test_added_images_are_searched_for_duplicates_first() -> None:
    study = running()
    with pytest.raises(ValidationError, match="No image waits"):
        deal_added(study, actor=audit.SYSTEM)
    late = add_images(study, (1,))
    Image.objects.filter(pk=late[0].pk).update(cluster=None)
    with pytest.raises(ValidationError, match="1 images were not searched"):
        deal_added(study, actor=audit.SYSTEM)


def test_rejected_images_wait_for_ever() -> None:
    study = running()
    late = add_images(study, (1, 1))
    Image.objects.filter(pk=late[0].pk).update(rejected_reason="blurred")
    plan = deal_added(study, actor=audit.SYSTEM, share=0)
    assert plan.training == 1 and not FoldItem.objects.filter(image=late[0]).exists()


# A golden image that is withdrawn


def test_a_withdrawn_golden_image_is_shown_to_nobody_new() -> None:
    study = running(raters=3, training=(1,) * 30, golden=10)
    first, *others = raters_of(study)
    _answer_everything(first)
    image = GoldenItem.objects.filter(study=study)[3].image
    before = released(study)
    assert withdraw_golden(image, "a drawing", actor=audit.SYSTEM) == 2
    item = GoldenItem.objects.get(image=image)
    assert item.reason == "a drawing" and item.withdrawn_at is not None
    assert released(study) == before
    left = Assignment.objects.filter(image=image, revoked_at=None)
    assert [row.membership for row in left] == [first]
    assert told("golden.withdrawn")["image"] == image.pk
    with pytest.raises(ValidationError, match="no longer"):
        withdraw_golden(image, "again", actor=audit.SYSTEM)
    check_whole(study)
    assert others


def test_a_golden_image_is_withdrawn_for_a_reason() -> None:
    study = running()
    with pytest.raises(ValidationError, match="Say why"):
        withdraw_golden(GoldenItem.objects.filter(study=study)[0].image, "", actor=audit.SYSTEM)
