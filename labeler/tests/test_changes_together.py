"""Events upon events, and raters at work meanwhile: nothing sent moves, nothing tells, every commitment holds."""

import random
import threading
import time

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections, transaction

from accounts import audit
from labeler import labelling
from labeler.answering import answer
from labeler.changes import (
    add_late_rater,
    deal_added,
    withdraw_golden,
    withdraw_rater,
)
from labeler.changes.queues import Orphan, woven
from labeler.models import (
    Assignment,
    Commitment,
    GoldenItem,
    Membership,
    MembershipState,
    Study,
    StudyState,
)
from labeler.planning import REPEAT_GAP, Place, shuffled, stream
from labeler.studies import set_state
from labeler.tests.factories import grade
from labeler.tests.running import (
    add_images,
    check_clusters,
    check_whole,
    queue_of,
    rater,
    raters_of,
    released,
    running,
)
from labeler.verification import verify

pytestmark = pytest.mark.django_db


# What can't be told


def test_golden_images_are_as_likely_in_every_place_of_a_queue_that_was_shuffled_anew() -> None:
    """Over many seeds, each tenth of the unsent rest holds a tenth of its golden images (chi-squared, 9 degrees)."""
    counts = [0] * 10
    study = running(raters=2, training=(1,) * 120, golden=40, repeat_share=0.1)
    for member in raters_of(study):
        labelling.window(member, 10)
    golden = set(GoldenItem.objects.values_list("image_id", flat=True))
    for seed in range(40):
        Study.objects.filter(pk=study.pk).update(seed=seed)
        add_images(study, (1,) * 3)
        deal_added(study, actor=audit.SYSTEM, share=0)
        member = raters_of(study)[seed % 2]
        rest = [row.image_id in golden for row in queue_of(member) if row.released_at is None and row.repeat == 0]
        for place, is_golden in enumerate(rest):
            counts[10 * place // len(rest)] += is_golden
    expected = sum(counts) / 10
    assert expected > 100
    assert sum((count - expected) ** 2 / expected for count in counts) < 27.9  # p = 0.001


def test_what_is_added_is_not_at_the_end() -> None:
    study = running(raters=1, training=(1,) * 200)
    member = raters_of(study)[0]
    labelling.window(member, 20)
    added = {image.pk for image in add_images(study, (1,) * 50)}
    deal_added(study, actor=audit.SYSTEM, share=0)
    places = [place for place, row in enumerate(queue_of(member)) if row.image_id in added]
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
        queue = queue_of(member)
        first = {row.image_id: place for place, row in enumerate(queue) if row.repeat == 0}
        gaps = [place - first[row.image_id] - 1 for place, row in enumerate(queue) if row.repeat == 1]
        assert len(gaps) >= 20 and min(gaps) >= REPEAT_GAP


def test_the_share_of_repeats_holds_whatever_happens() -> None:
    """Event after event, what comes again is drawn anew; it must grow neither more nor less."""
    study = running(raters=2, training=(1,) * 480, golden=60, repeat_share=0.1)
    images = list(GoldenItem.objects.filter(study=study).order_by("pk")[:4])
    for item in images:
        for member in raters_of(study):
            for _ in range(3):
                _answer_window(member)
        withdraw_golden(item.image, "blurred", actor=audit.SYSTEM)
        for member in raters_of(study):
            queue = queue_of(member)
            assert abs(sum(row.repeat for row in queue) - 0.1 * sum(not row.repeat for row in queue)) <= 1


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
    for _ in range(6):
        chance.happen()
        now = released(study)
        kept = {pk: row for pk, row in now.items() if pk in sent}
        assert _places(kept) == _places(sent)
        sent = now
        check_whole(study)
        check_clusters(study)
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
            asker.join(60)
    assert problems == [] and not any(asker.is_alive() for asker in askers)
    assert connection.in_atomic_block is False
    check_whole(study)
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
    asker.join(60)
    queue = queue_of(member)
    assert windows[0].total == 120
    assert [row.token for row in queue[:10]] == list(windows[0].tokens)
    assert [row.released_at is not None for row in queue] == [True] * 10 + [False] * 110


def _wait_until_somebody_waits() -> None:
    for _ in range(6000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("the window did not wait for the event")


def _check_whole_soon(study: Study) -> None:
    for member in raters_of(study):
        sent = [row.released_at is not None for row in queue_of(member)]
        assert sent == sorted(sent, reverse=True)
