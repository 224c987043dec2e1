"""Answers are applied once, in order, and none is lost."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from labeler import answering, labelling, looking_back
from labeler.answering import Answer, Outcome, Status, answer, answer_all
from labeler.looking_back import PARTS, PartGiven
from labeler.models import Assignment, Flag, Label, Membership, MembershipState, Study, StudyState
from labeler.studies import set_state
from labeler.tests.factories import by_region, deal, grade, make_image, start


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
    answer(bob_rates, grade(item.token, 3, base_version=2))
    assert list(Label.objects.order_by("version").values_list("stale", flat=True)) == [False, True, False]


def test_a_stale_answer_that_comes_again_is_still_told_as_stale(bob_rates: Membership) -> None:
    """The first word of it may have been lost on its way to the page."""
    (item,) = _released(bob_rates, 1)
    answer(bob_rates, grade(item.token, 2))
    stale = grade(item.token, 4)
    told = answer(bob_rates, stale)
    assert answer(bob_rates, stale) == told and told.status == Status.STALE
    answer(bob_rates, grade(item.token, 5, base_version=2))
    assert answer(bob_rates, stale) == told
    assert told.earlier is not None and told.earlier.level_value == 2
    assert Label.objects.count() == 3


def test_another_s_key_takes_nothing_and_tells_nothing(bob_rates: Membership, carol_rates: Membership) -> None:
    (his,) = _released(bob_rates, 1)
    hers = deal(carol_rates, [his.image, make_image(carol_rates.study, 9)])
    labelling.window(carol_rates, 2)
    given = grade(his.token, 2)
    answer(bob_rates, given)
    outcomes = answer_all(carol_rates, [replace(given, token=hers[0].token), grade(hers[1].token, 5)])
    assert [one.refusal for one in outcomes] == [answering.KEY_TAKEN, None]
    assert [one.earlier for one in outcomes] == [None, None]
    assert answer(carol_rates, given).refusal == answering.UNKNOWN
    assert Label.objects.filter(assignment__membership=carol_rates).count() == 1


def test_a_hundred_answers_of_all_kinds_are_taken_at_once_and_once(bob_rates: Membership) -> None:
    by_region(bob_rates.study)
    dealt = start(bob_rates, 50)
    Assignment.objects.update(released_at=timezone.now())
    told = timezone.now()
    first = [
        Answer(item.token, uuid4(), flag=Flag.BLUR)
        if number % 3 == 0
        else replace(_in_parts(item.token, 3, 2, None, 4), client_time=told if number % 2 else None, comment="100 % '")
        for number, item in enumerate(dealt)
    ]
    second = [Answer(item.token, uuid4(), flag=Flag.DARK, base_version=1) for item in dealt]
    assert {outcome.status for outcome in answer_all(bob_rates, first + second)} == {Status.SAVED}
    there = Label.objects.count()
    assert {outcome.status for outcome in answer_all(bob_rates, first + second)} == {Status.DUPLICATE}
    assert Label.objects.count() == there == 17 + 33 * 4 + 50


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


def _in_parts(token: str, face: float, *parts: float | None, **fields: object) -> Answer:
    """An answer with forehead, cheeks and chin in turn; None: not seen."""
    regions = {
        region: PartGiven(value, Flag.NONE if value else Flag.UNSEEN)
        for region, value in zip(PARTS, parts, strict=True)
    }
    return grade(token, face, regions=regions, **fields)


def _rows() -> list[tuple[object, ...]]:
    rows = Label.objects.order_by("version", "pk").values_list("version", "region", "level__value", "flag", "stale")
    return list(rows)


@pytest.fixture
def three(study: Study, bob_rates: Membership) -> list[Assignment]:
    """Three images of a study that grades forehead, cheeks and chin too."""
    by_region(bob_rates.study)
    return _released(bob_rates, 3)


def test_an_answer_by_region_is_one_version_of_four_labels(bob_rates: Membership, three: list[Assignment]) -> None:
    item = three[0]
    first = _in_parts(item.token, 3, 2, None, 4, comment="scar", decide_ms=900, viewing={"zoom": 2})
    assert answer(bob_rates, first) == Outcome(str(first.client_key), Status.SAVED, version=1)
    assert answer(bob_rates, first).status == Status.DUPLICATE
    assert _rows() == [
        (1, "face", 3, "", False),
        (1, "forehead", 2, "", False),
        (1, "cheeks", None, "unseen", False),
        (1, "chin", 4, "", False),
    ]
    described = Label.objects.exclude(comment="", decide_ms=None, viewing={}).values_list("region", flat=True)
    assert list(described) == ["face"]
    assert answer(bob_rates, _in_parts(item.token, 3, 2, 2, 2, base_version=1)).version == 2
    assert [row[:3] for row in _rows()[4:]] == [(2, "face", 3), (2, "forehead", 2), (2, "cheeks", 2), (2, "chin", 2)]


def test_labels_of_regions_have_keys_that_no_browser_may_send(bob_rates: Membership, three: list[Assignment]) -> None:
    given = _in_parts(three[0].token, 3, 2, 2, 2)
    answer(bob_rates, given)
    keys = dict(Label.objects.values_list("region", "client_key"))
    assert keys["face"] == given.client_key
    assert len(set(keys.values())) == 4
    assert {key.version for region, key in keys.items() if region != "face"} == {5}


def test_what_was_said_of_regions_is_told_back(bob_rates: Membership, three: list[Assignment]) -> None:
    item = three[0]
    answer(bob_rates, _in_parts(item.token, 3, 2, None, 4))
    outcome = answer(bob_rates, _in_parts(item.token, 3, 1, 1, 1))
    assert outcome.status == Status.STALE and outcome.earlier is not None
    assert outcome.earlier.regions == {
        "forehead": PartGiven(2),
        "cheeks": PartGiven(None, Flag.UNSEEN),
        "chin": PartGiven(4),
    }
    (back,) = looking_back.previous(bob_rates, before=None, size=1)
    assert {part.level_value for part in back.given.regions.values()} == {1}
    assert [row[4] for row in _rows()] == [False] * 4 + [True] * 4


def test_an_image_that_cant_be_graded_has_no_regions(bob_rates: Membership, three: list[Assignment]) -> None:
    item = three[0]
    answer(bob_rates, _in_parts(item.token, 3, 2, 2, 2))
    flagged = Answer(item.token, grade("").client_key, flag=Flag.BLUR, base_version=1)
    assert answer(bob_rates, flagged).version == 2
    (back,) = looking_back.previous(bob_rates, before=None, size=1)
    assert (back.given.flag, back.given.regions) == ("blur", {})


def test_regions_come_all_or_the_answer_is_refused(bob_rates: Membership, three: list[Assignment]) -> None:
    token = three[0].token
    whole = _in_parts(token, 3, 2, 2, 2)
    refused = {
        answering.PARTS_MISSING: grade(token),
        answering.OFF_SCALE: _in_parts(token, 3, 2, 2.5, 2),
        answering.FLAGGED_WHOLE: replace(whole, level_value=None, flag=Flag.BLUR),
    }
    some = replace(whole, regions={PARTS[0]: PartGiven(3)})
    outcomes = answer_all(bob_rates, [*refused.values(), some, whole])
    assert [outcome.refusal for outcome in outcomes] == [*refused, answering.PARTS_MISSING, None]
    assert Label.objects.count() == 4


def test_a_study_of_whole_faces_takes_no_regions(bob_rates: Membership) -> None:
    (item,) = _released(bob_rates, 1)
    assert answer(bob_rates, _in_parts(item.token, 3, 2, 2, 2)).refusal == answering.NO_PARTS
    assert not Label.objects.exists()


@pytest.mark.parametrize("size", [1, 3])
def test_regions_cost_no_more_queries(
    bob_rates: Membership, three: list[Assignment], django_assert_num_queries: DjangoAssertNumQueries, size: int
) -> None:
    answer_all(bob_rates, [_in_parts(item.token, 3, 2, 2, 2) for item in three])
    with django_assert_num_queries(6):  # as a batch of whole faces, and the labels that are there
        answer_all(bob_rates, [_in_parts(item.token, 4, 2, 2, 2, base_version=1) for item in three[:size]])
    with django_assert_num_queries(2):  # images, labels
        assert len(looking_back.previous(bob_rates, before=None, size=size)) == size


@pytest.mark.django_db(transaction=True)
def test_answers_wait_for_a_window_that_is_being_read(bob_rates: Membership) -> None:
    dealt = _released(bob_rates, 8)
    outcomes: list[Outcome] = []

    def tab() -> None:
        outcomes.extend(answer_all(bob_rates, [grade(item.token) for item in reversed(dealt)]))
        connection.close()

    thread = threading.Thread(target=tab)
    with transaction.atomic():
        labelling.window(bob_rates, 8)
        thread.start()
        time.sleep(0.3)
        assert not outcomes
        assert labelling.window(bob_rates, 8).answered == 0
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
