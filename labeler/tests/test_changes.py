"""What happens to a study while it runs: what was sent stays, loads stay even, nothing is lost, nothing tells."""

import random
import threading
import time
from collections import Counter

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction
from django.db.models import Count
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
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
from labeler.changes.queues import Orphan, woven
from labeler.models import (
    Assignment,
    Commitment,
    Fold,
    FoldItem,
    GoldenItem,
    Image,
    Membership,
    MembershipState,
    Study,
    StudyState,
)
from labeler.planning import REPEAT_GAP, Place, shuffled, stream
from labeler.studies import set_state
from labeler.tests.factories import grade
from labeler.tests.running import add_images, rater, raters_of, released, running
from labeler.verification import verify

pytestmark = pytest.mark.django_db


def _loads(study: Study) -> dict[str, int]:
    folds = Fold.objects.filter(study=study, membership__state=MembershipState.ACTIVE)
    return dict(folds.annotate(n=Count("items")).values_list("membership__code", "n"))


def _spread(study: Study) -> int:
    loads = _loads(study).values()
    return max(loads) - min(loads)


def _queue(membership: Membership) -> list[Assignment]:
    return list(Assignment.objects.filter(membership=membership, revoked_at__isnull=True).order_by("sort_key"))


def _check_whole(study: Study) -> None:
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
        queue = _queue(member)
        firsts = Counter(row.image_id for row in queue if row.repeat == 0)
        assert set(firsts.values()) <= {1}
        mine = {image for owner, image in items if owner == member.pk}
        sent_before_withdrawn = {row.image_id for row in queue if row.released_at} & (golden - in_use)
        assert set(firsts) == mine | in_use | sent_before_withdrawn
        sent = [row.released_at is not None for row in queue]
        assert sent == sorted(sent, reverse=True), "what was sent is the beginning of the queue"


def _check_clusters(study: Study) -> None:
    """A cluster is in no two folds, but for the overlap."""
    pairs = set(FoldItem.objects.filter(fold__study=study).values_list("image__cluster", "fold"))
    owners = Counter(cluster for cluster, _ in pairs)
    assert set(owners.values()) <= {study.overlap}


# A rater who comes late


def test_a_late_rater_gets_the_golden_set_and_an_even_part() -> None:
    study = running(raters=3, training=(1,) * 60)
    before = released(study)
    plan = plan_late_rater(study)
    newcomer = rater(study)
    done = add_late_rater(study, newcomer, actor=audit.SYSTEM)
    assert _loads(study) == {"R01": 15, "R02": 15, "R03": 15, "R04": 15}
    assert done == plan and plan.fold == 15 and plan.golden == 12
    assert [(portion.code, portion.had, portion.has) for portion in plan.portions] == [
        ("R01", 20, 15),
        ("R02", 20, 15),
        ("R03", 20, 15),
    ]
    assert len(_queue(newcomer)) == 27 and released(study) == before
    taken = Assignment.objects.filter(revoked_at__isnull=False)
    assert set(taken.values_list("revoke_reason", flat=True)) == {"went to a rater who came later"}
    assert set(taken.values_list("image_id", flat=True)) == set(
        newcomer.folds.get().items.values_list("image_id", flat=True)
    )
    event = AuditEvent.objects.get(verb="rater.added_late")
    assert event.after["fold"] == 15 and event.after["folds"] == {"R01": 15, "R02": 15, "R03": 15}
    _check_whole(study)


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
    _check_whole(study)
    _check_clusters(study)
    if overlap == 1:
        assert _spread(study) <= max(sizes)


def test_a_late_rater_takes_first_what_nobody_grades_any_more() -> None:
    study = running(raters=1, training=(1,) * 20)
    labelling.window(raters_of(study)[0], 8)
    withdraw_rater(raters_of(study)[0], "ill", actor=audit.SYSTEM)
    sent = FoldItem.objects.filter(image__assignments__released_at__isnull=False).count()
    newcomer = rater(study)
    plan = add_late_rater(study, newcomer, actor=audit.SYSTEM)
    assert plan.fold == 20 - sent and newcomer.folds.get().items.count() == 20 - sent
    _check_whole(study)


def test_who_would_get_the_golden_set_alone_is_not_added() -> None:
    study = running(raters=2, training=(1,) * 10)
    for member in raters_of(study):
        labelling.window(member, 20)
        for row in _queue(member):
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
    assert plan.moved == 20 - kept and sum(_loads(study).values()) == 80 - kept
    assert _spread(study) <= 1 and released(study) == before
    assert not Assignment.objects.filter(membership=gone, released_at=None, revoked_at=None).exists()
    event = AuditEvent.objects.get(verb="rater.withdrawn")
    assert event.after["reason"] == "ill" and event.after["ungraded"] == kept
    assert sum(event.after["dealt"].values()) == plan.moved
    _check_whole(study)


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
    assert _loads(study) == {other.code: 40 - kept.count()}
    _check_clusters(study)


def test_with_overlap_nobody_gets_an_image_twice() -> None:
    study = running(raters=4, training=(1, 2, 3) * 12, overlap=2)
    withdraw_rater(raters_of(study)[1], "ill", actor=audit.SYSTEM)
    assert _spread(study) <= 3
    _check_whole(study)
    _check_clusters(study)


def test_with_overlap_and_too_few_raters_left_the_rest_waits_for_a_late_one() -> None:
    study = running(raters=2, training=(1,) * 20, overlap=2)
    gone, other = raters_of(study)
    plan = withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    assert (plan.moved, plan.nobodys) == (0, 20)
    add_late_rater(study, rater(study), actor=audit.SYSTEM)
    assert _loads(study) == {other.code: 20, "R03": 20}
    _check_whole(study)


def _answer_everything(member: Membership) -> None:
    while tokens := labelling.window(member, 20).tokens:
        for token in tokens:
            answer(member, grade(token))


def test_no_tail_of_training_images_for_who_has_seen_all_golden_ones() -> None:
    study = running(raters=3, training=(1,) * 30, golden=6)
    gone, done, hopeful = raters_of(study)
    _answer_everything(done)
    plan = withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    assert _loads(study) == {done.code: 10, hopeful.code: 20} and not plan.training_only
    _answer_everything(hopeful)
    assert not plan_withdrawal(done).training_only and plan_withdrawal(done).moved == 0


def test_where_everybody_has_seen_all_golden_images_it_is_said() -> None:
    study = running(raters=3, training=(1,) * 30, golden=6)
    gone, *others = raters_of(study)
    for member in others:
        _answer_everything(member)
    plan = withdraw_rater(gone, "ill", actor=audit.SYSTEM)
    assert plan.training_only and sorted(_loads(study).values()) == [15, 15]


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
    assert _spread(study) <= 1 and released(study) == before
    assert {image.pk for image in added} <= set(Assignment.objects.values_list("image_id", flat=True))
    assert AuditEvent.objects.get(verb="images.dealt").after["golden"] == len(plan.golden)
    _check_whole(study)


def test_added_clusters_stay_whole_and_go_where_their_images_are() -> None:
    study = running(raters=3, training=(2,) * 30, golden=6)
    in_fold = FoldItem.objects.filter(fold__membership__code="R02").select_related("image")[0].image
    golden = GoldenItem.objects.select_related("image")[0].image
    beside_fold, beside_golden, *fresh = add_images(study, (1, 1, 3, 3))
    Image.objects.filter(pk=beside_fold.pk).update(cluster=in_fold.cluster)
    Image.objects.filter(pk=beside_golden.pk).update(cluster=golden.cluster)
    plan = deal_added(study, actor=audit.SYSTEM, share=0)
    assert FoldItem.objects.get(image=beside_fold).fold.membership == raters_of(study)[1]
    assert [(one.image, "golden image" in one.reason) for one in plan.left_out] == [(beside_golden.pk, True)]
    assert plan.golden == () and plan.training == 7
    assert FoldItem.objects.filter(image__in=fresh).count() == 6
    _check_whole(study)
    _check_clusters(study)


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
    assert AuditEvent.objects.get(verb="golden.withdrawn").after["image"] == image.pk
    with pytest.raises(ValidationError, match="no longer"):
        withdraw_golden(image, "again", actor=audit.SYSTEM)
    _check_whole(study)
    assert others


def test_a_golden_image_is_withdrawn_for_a_reason() -> None:
    study = running()
    with pytest.raises(ValidationError, match="Say why"):
        withdraw_golden(GoldenItem.objects.filter(study=study)[0].image, "", actor=audit.SYSTEM)


# What can't be told


def test_golden_images_are_as_likely_in_every_place_of_a_queue_that_was_shuffled_anew() -> None:
    """Over many seeds, each tenth of the unsent rest holds a tenth of its golden images (chi-squared, 9 degrees)."""
    counts = [0] * 10
    study = running(raters=2, training=(1,) * 120, golden=40, repeat_share=0.1)
    for member in raters_of(study):
        labelling.window(member, 10)
    golden = set(GoldenItem.objects.values_list("image_id", flat=True))
    for seed in range(60):
        Study.objects.filter(pk=study.pk).update(seed=seed)
        add_images(study, (1,) * 3)
        deal_added(study, actor=audit.SYSTEM, share=0)
        member = raters_of(study)[seed % 2]
        rest = [row.image_id in golden for row in _queue(member) if row.released_at is None and row.repeat == 0]
        for place, is_golden in enumerate(rest):
            counts[10 * place // len(rest)] += is_golden
    expected = sum(counts) / 10
    assert expected > 150
    assert sum((count - expected) ** 2 / expected for count in counts) < 27.9  # p = 0.001


def test_what_is_added_is_not_at_the_end() -> None:
    study = running(raters=1, training=(1,) * 200)
    member = raters_of(study)[0]
    labelling.window(member, 20)
    added = {image.pk for image in add_images(study, (1,) * 50)}
    deal_added(study, actor=audit.SYSTEM, share=0)
    places = [place for place, row in enumerate(_queue(member)) if row.image_id in added]
    assert min(places) >= 20 and min(places) < 50 and 120 < sum(places) / 50 < 170


def test_repeats_keep_their_distance_through_every_event() -> None:
    study = running(raters=2, training=(1,) * 500, golden=40, repeat_share=0.1)
    for member in raters_of(study):
        for _ in range(5):
            _answer_window(member)
    add_images(study, (1,) * 60)
    deal_added(study, actor=audit.SYSTEM)
    add_late_rater(study, rater(study), actor=audit.SYSTEM)
    withdraw_golden(GoldenItem.objects.filter(study=study)[0].image, "blurred", actor=audit.SYSTEM)
    withdraw_rater(raters_of(study)[0], "ill", actor=audit.SYSTEM)
    for member in raters_of(study)[1:]:
        queue = _queue(member)
        first = {row.image_id: place for place, row in enumerate(queue) if row.repeat == 0}
        gaps = [place - first[row.image_id] - 1 for place, row in enumerate(queue) if row.repeat == 1]
        assert len(gaps) >= 20 and min(gaps) >= REPEAT_GAP


def _answer_window(member: Membership) -> None:
    for token in labelling.window(member, 20).tokens:
        answer(member, grade(token))


def test_a_repeat_whose_first_showing_was_sent_comes_late_enough() -> None:
    order = shuffled(range(200), 0.0, stream(1, "a"))
    woven_in = woven(order, [Orphan(900, 100), Orphan(901, 0), Orphan(902, 400)], 150, stream(2, "b"))
    assert [place for place in woven_in if place.image < 900] == order
    at = {place.image: number for number, place in enumerate(woven_in) if place.repeat}
    assert at[900] >= 50 and at[901] >= 150
    places = [woven(order, [Orphan(900, 100)], 150, stream(seed, "c")).index(Place(900, 1)) for seed in range(300)]
    assert min(places) >= 50 and 110 < sum(places) / 300 < 140
    assert woven(order[:10], [Orphan(901, 0)], 150, stream(2, "b"))[-1] == Place(901, 1)


# All together


class _Chance:
    """What may happen to a study, at random."""

    def __init__(self, study: Study, rng: random.Random) -> None:
        self.study, self.rng = study, rng

    def happen(self) -> None:
        self.rng.choice([self.drop_out, self.come_late, self.withdraw, self.add, self.pause])()
        self.work()

    def work(self) -> None:
        for member in self._active():
            if self.rng.random() < 0.7:
                tokens = labelling.window(member, self.rng.randint(1, 20)).tokens
                for token in tokens[: self.rng.randint(0, 20)]:
                    answer(member, grade(token, self.rng.randint(1, 5)))

    def drop_out(self) -> None:
        if len(self._active()) > self.study.overlap + 1:
            withdraw_rater(self.rng.choice(self._active()), "ill", actor=audit.SYSTEM)

    def come_late(self) -> None:
        add_late_rater(self.study, rater(self.study), actor=audit.SYSTEM)

    def withdraw(self) -> None:
        there = GoldenItem.objects.filter(study=self.study, withdrawn_at=None).order_by("pk")
        withdraw_golden(self.rng.choice(list(there)).image, "blurred", actor=audit.SYSTEM)

    def add(self) -> None:
        add_images(self.study, [self.rng.randint(1, 3) for _ in range(self.rng.randint(1, 12))])
        deal_added(self.study, actor=audit.SYSTEM)

    def pause(self) -> None:
        set_state(self.study, StudyState.PAUSED, actor=audit.SYSTEM)
        set_state(self.study, StudyState.LABELLING, actor=audit.SYSTEM)

    def _active(self) -> list[Membership]:
        return [member for member in raters_of(self.study) if member.state == MembershipState.ACTIVE]


@pytest.mark.parametrize(("seed", "overlap", "repeat_share"), [(1, 1, 0.0), (2, 2, 0.05), (3, 1, 0.2), (4, 3, 0.0)])
def test_a_study_to_which_everything_happens(seed: int, overlap: int, repeat_share: float) -> None:
    rng = random.Random(seed)
    sizes = [rng.choice([1, 1, 1, 2, 4]) for _ in range(60)]
    study = running(raters=4, training=sizes, golden=15, overlap=overlap, repeat_share=repeat_share, seed=seed)
    sent = released(study)
    chance = _Chance(study, rng)
    for _ in range(8):
        chance.happen()
        now = released(study)
        kept = {pk: row for pk, row in now.items() if pk in sent}
        assert _places(kept) == _places(sent)
        sent = now
        _check_whole(study)
        _check_clusters(study)
    set_state(study, StudyState.CLOSED, actor=audit.SYSTEM)
    found = verify(study)
    assert found.all_problems == () and len(found.commitments) == Commitment.objects.filter(study=study).count() > 3


def _places(rows: dict[int, tuple[object, ...]]) -> dict[int, tuple[object, ...]]:
    """All of a row but when it was shown and answered, which may come later."""
    late = {field.attname for field in Assignment._meta.concrete_fields} & {"first_shown_at", "shown_seq"}
    names = [field.attname for field in Assignment._meta.concrete_fields]
    return {
        pk: tuple(value for name, value in zip(names, row, strict=True) if name not in late) for pk, row in rows.items()
    }


def test_nothing_happens_to_a_closed_study() -> None:
    study = running()
    set_state(study, StudyState.CLOSED, actor=audit.SYSTEM)
    image = GoldenItem.objects.filter(study=study)[0].image
    for act in (
        lambda: deal_added(study, actor=audit.SYSTEM),
        lambda: withdraw_golden(image, "blurred", actor=audit.SYSTEM),
        lambda: add_late_rater(study, rater(study), actor=audit.SYSTEM),
        lambda: set_state(study, StudyState.LABELLING, actor=audit.SYSTEM),
    ):
        with pytest.raises(ValidationError):
            act()


@pytest.mark.django_db(transaction=True)
def test_a_window_and_an_event_at_once() -> None:
    """Raters ask for their next images while one drops out and another comes: nothing sent moves, nothing hangs."""
    study = running(raters=3, training=(1,) * 300, golden=30, repeat_share=0.1)
    members = raters_of(study)
    problems: list[Exception] = []
    stop = threading.Event()

    def ask(member: Membership) -> None:
        try:
            while not stop.is_set():
                labelling.window(member, 5)
                tokens = labelling.window(member, 5).tokens
                for token in tokens[:2]:
                    answer(member, grade(token))
        except Exception as error:  # noqa: BLE001 - told to the test, which fails
            problems.append(error)
        finally:
            connections.close_all()

    askers = [threading.Thread(target=ask, args=(member,)) for member in members[1:]]
    for asker in askers:
        asker.start()
    try:
        for event in (
            lambda: withdraw_rater(members[0], "ill", actor=audit.SYSTEM),
            lambda: add_late_rater(study, rater(study), actor=audit.SYSTEM),
            lambda: withdraw_golden(GoldenItem.objects.filter(study=study)[0].image, "blurred", actor=audit.SYSTEM),
        ):
            before = _places(released(study))
            event()
            after = _places(released(study))
            assert {pk: after[pk] for pk in before} == before
            _check_whole_soon(study)
    finally:
        stop.set()
        for asker in askers:
            asker.join(30)
    assert problems == [] and not any(asker.is_alive() for asker in askers)
    assert connection.in_atomic_block is False
    _check_whole(study)
    set_state(study, StudyState.CLOSED, actor=audit.SYSTEM)
    assert verify(study).all_problems == ()


@pytest.mark.django_db(transaction=True)
def test_a_window_asked_for_in_the_middle_of_an_event_is_of_the_new_queue() -> None:
    study = running(raters=2, training=(1,) * 100, golden=20)
    gone, member = raters_of(study)
    windows: list[labelling.Window] = []

    def ask() -> None:
        windows.append(labelling.window(member, 10))
        connections.close_all()

    asker = threading.Thread(target=ask)
    with transaction.atomic():
        withdraw_rater(gone, "ill", actor=audit.SYSTEM)
        asker.start()
        _wait_until_somebody_waits()
    asker.join(30)
    queue = _queue(member)
    assert windows[0].total == 120
    assert [row.token for row in queue[:10]] == list(windows[0].tokens)
    assert [row.released_at is not None for row in queue] == [True] * 10 + [False] * 110


def _wait_until_somebody_waits() -> None:
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("the window did not wait for the event")


def _check_whole_soon(study: Study) -> None:
    for member in raters_of(study):
        sent = [row.released_at is not None for row in _queue(member)]
        assert sent == sorted(sent, reverse=True)
