"""Answers are applied once, in order, and none is lost."""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from labeler import labelling, looking_back
from labeler.answering import Answer, Outcome, Status, answer, answer_all
from labeler.models import Assignment, Flag, Label, Membership, MembershipState, StudyState
from labeler.studies import set_state
from labeler.tests.factories import grade, start


def _released(membership: Membership, size: int) -> list[Assignment]:
    dealt = start(membership, size)
    labelling.window(membership, size)
    return dealt


def test_a_grade_is_kept_with_all_that_came_along(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    told = timezone.now() - timedelta(seconds=3)
    given = grade(
        item.token, 4, unsure=True, comment=" scar? ", client_time=told, decide_ms=1234, viewing={"pixel_ratio": 2.0}
    )
    outcome = answer(bob_rates, given)
    assert outcome == Outcome(str(given.client_key), Status.SAVED, version=1)
    label = Label.objects.select_related("level").get()
    assert label.level is not None and label.level.value == 4
    assert (label.version, label.region, label.flag, label.source) == (1, "face", "", "web")
    assert (label.unsure, label.comment, label.client_time, label.decide_ms) == (True, "scar?", told, 1234)
    assert label.viewing == {"pixel_ratio": 2.0}
    assert label.server_time is not None


def test_a_flag_is_an_answer_without_a_level(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    outcome = answer(bob_rates, Answer(item.token, grade("").client_key, flag=Flag.BLUR))
    assert outcome.status == Status.SAVED
    label = Label.objects.get()
    assert (label.level, label.flag) == (None, Flag.BLUR)


def test_delivering_twice_writes_once(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    given = grade(item.token)
    assert answer(bob_rates, given).status == Status.SAVED
    assert answer(bob_rates, given) == Outcome(str(given.client_key), Status.DUPLICATE, version=1)
    assert Label.objects.count() == 1


def test_one_batch_with_the_same_answer_twice_writes_once(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    given = grade(item.token)
    assert [outcome.status for outcome in answer_all(bob_rates, [given, given])] == ["saved", "duplicate"]
    assert Label.objects.count() == 1


def test_a_change_is_a_new_version_and_keeps_the_old_one(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    answer_all(bob_rates, [grade(item.token, 2), grade(item.token, 5, base_version=1)])
    assert list(Label.objects.order_by("version").values_list("version", "level__value")) == [(1, 2), (2, 5)]


def test_an_answer_that_did_not_know_of_an_earlier_one_is_kept_and_told(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    answer(bob_rates, grade(item.token, 2))
    outcome = answer(bob_rates, grade(item.token, 4))
    assert (outcome.status, outcome.version) == (Status.STALE, 2)
    assert outcome.earlier is not None and outcome.earlier.level_value == 2
    assert looking_back.previous(bob_rates, before=None, size=1)[0].given.level_value == 4


def test_the_order_shown_is_that_of_the_first_answers(bob_rates: Membership) -> None:
    dealt = _released(bob_rates, 3)
    answer_all(bob_rates, [grade(dealt[2].token), grade(dealt[0].token), grade(dealt[2].token, base_version=1)])
    answer(bob_rates, grade(dealt[1].token))
    seen = Assignment.objects.order_by("shown_seq").values_list("pk", "shown_seq")
    assert list(seen) == [(dealt[2].pk, 1), (dealt[0].pk, 2), (dealt[1].pk, 3)]


def test_when_it_was_shown_is_by_the_servers_clock(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    time.sleep(0.05)
    fast_clock = timezone.now() + timedelta(days=400)
    answer_all(bob_rates, [grade(item.token, shown_at=fast_clock - timedelta(seconds=0.02))], sent_at=fast_clock)
    item.refresh_from_db()
    label = Label.objects.get()
    assert item.first_shown_at is not None and item.released_at is not None
    assert item.released_at < item.first_shown_at <= label.server_time - timedelta(seconds=0.015)


def test_it_was_not_shown_before_it_had_left(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    answer(bob_rates, grade(item.token, shown_at=timezone.now() - timedelta(days=2)))
    item.refresh_from_db()
    assert item.first_shown_at == item.released_at


@pytest.mark.parametrize(("state", "code"), [(StudyState.PAUSED, "paused"), (StudyState.CLOSED, "closed")])
def test_a_study_that_does_not_label_takes_no_answer_but_knows_what_it_took(
    bob_rates: Membership, state: StudyState, code: str
) -> None:
    dealt = _released(bob_rates, 2)
    taken = grade(dealt[0].token)
    answer(bob_rates, taken)
    set_state(bob_rates.study, state, actor=audit.SYSTEM)
    again, late = answer_all(bob_rates, [taken, grade(dealt[1].token)])
    assert again.status == Status.DUPLICATE
    assert late.status == Status.REFUSED and late.refusal is not None and late.refusal.code == code
    assert Label.objects.count() == 1


def test_who_withdrew_is_told_so(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    Membership.objects.filter(pk=bob_rates.pk).update(state=MembershipState.WITHDRAWN)
    outcome = answer(bob_rates, grade(item.token))
    assert outcome.refusal == labelling.WITHDRAWN
    assert not Label.objects.exists()


def test_one_bad_answer_does_not_keep_the_others_from_being_taken(bob_rates: Membership) -> None:
    dealt = _released(bob_rates, 3)
    other = Answer(dealt[1].token, grade("").client_key, flag=Flag.OTHER, comment="  ")
    outcomes = answer_all(bob_rates, [grade(dealt[0].token, 2.5), other, grade(dealt[2].token), grade("no such token")])
    assert [outcome.status for outcome in outcomes] == ["refused", "refused", "saved", "refused"]
    codes = [outcome.refusal.code for outcome in outcomes if outcome.refusal]
    assert codes == ["invalid", "invalid", "unknown"]
    assert Label.objects.count() == 1


def test_images_of_others_or_not_yet_sent_take_no_answer(bob_rates: Membership, carol_rates: Membership) -> None:
    start(bob_rates, 2)
    labelling.window(bob_rates, 1)
    sent, kept = Assignment.objects.order_by("sort_key")
    assert answer(carol_rates, grade(sent.token)).status == Status.REFUSED
    assert answer(bob_rates, grade(kept.token)).status == Status.REFUSED
    assert answer(bob_rates, grade(sent.token)).status == Status.SAVED


def test_a_key_is_not_taken_for_another_image(bob_rates: Membership) -> None:
    one, two = _released(bob_rates, 2)
    given = grade(one.token)
    outcomes = answer_all(bob_rates, [given, Answer(two.token, given.client_key, level_value=1)])
    assert [outcome.status for outcome in outcomes] == ["saved", "refused"]


@pytest.mark.parametrize("size", [1, 8])
def test_a_batch_costs_the_same_queries_whatever_its_size(
    bob_rates: Membership, django_assert_num_queries: DjangoAssertNumQueries, size: int
) -> None:
    dealt = _released(bob_rates, 8)
    # savepoint, rater, images, scale, labels, order, shown, labels in, savepoint
    with django_assert_num_queries(9):
        answer_all(bob_rates, [grade(item.token) for item in dealt[:size]])


@pytest.mark.django_db(transaction=True)
def test_answers_wait_for_a_window_that_is_being_read(bob_rates: Membership) -> None:
    dealt = start(bob_rates, 8)
    for item in reversed(dealt):  # so that the rows lie on the disk in another order than they are shown
        Assignment.objects.filter(pk=item.pk).update(released_at=timezone.now())
    outcomes: list[Outcome] = []

    def tab() -> None:
        outcomes.extend(answer_all(bob_rates, [grade(item.token) for item in dealt]))
        connection.close()

    thread = threading.Thread(target=tab)
    with transaction.atomic():
        window = Assignment.objects.select_for_update(of=("self",), no_key=True).order_by("sort_key")
        assert len(window[:4]) == 4  # half-way
        thread.start()
        time.sleep(0.3)
        assert len(window[:8]) == 8
    thread.join()
    assert [outcome.status for outcome in outcomes] == ["saved"] * 8


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_get_two_versions_and_one_order(bob_rates: Membership) -> None:
    dealt = _released(bob_rates, 6)
    ready = threading.Barrier(2)
    outcomes: list[Outcome] = []

    def tab() -> None:
        ready.wait()
        outcomes.extend(answer(bob_rates, grade(item.token)) for item in dealt)
        connection.close()

    tabs = [threading.Thread(target=tab) for _ in range(2)]
    for thread in tabs:
        thread.start()
    for thread in tabs:
        thread.join()
    assert sorted(outcome.status for outcome in outcomes) == ["saved"] * 6 + ["stale"] * 6
    assert set(Assignment.objects.values_list("shown_seq", flat=True)) == {1, 2, 3, 4, 5, 6}
    assert Label.objects.filter(version=2).count() == 6
