"""Two clicks at once, an event that breaks off in the middle: it happens once and whole, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.db import connections, transaction

from accounts import audit
from accounts.models import AuditEvent
from labeler import labelling
from labeler.answering import answer
from labeler.changes import add_late_rater, deal_added, withdraw_golden, withdraw_rater
from labeler.models import Assignment, Commitment, FoldItem, GoldenItem, Image, Membership, Role, Study, StudyState
from labeler.raters import add_rater
from labeler.studies import set_state
from labeler.tests.factories import grade
from labeler.tests.running import add_images, check_clusters, check_whole, rater, raters_of, running
from labeler.verification import verify

Event = Callable[[Study], object]


def _a_golden_image(study: Study) -> Image:
    return GoldenItem.objects.filter(study=study).order_by("pk")[0].image


EVENTS: dict[str, Event] = {
    "drop-out": lambda study: withdraw_rater(raters_of(study)[0], "ill", actor=audit.SYSTEM),
    "late rater": lambda study: add_rater(study, "late@example.org", actor=audit.SYSTEM),
    "added images": lambda study: deal_added(study, actor=audit.SYSTEM),
    "golden withdrawn": lambda study: withdraw_golden(_a_golden_image(study), "blurred", actor=audit.SYSTEM),
    "close": lambda study: set_state(study, StudyState.CLOSED, actor=audit.SYSTEM),
}


def _study() -> Study:
    study = running(raters=3, training=(1, 1, 2, 3) * 15, golden=12, repeat_share=0.1)
    for member in raters_of(study):
        for token in labelling.window(member, 5).tokens[:3]:
            answer(member, grade(token))
    add_images(study, (1, 1, 2))
    return study


def _everything(study: Study) -> list[object]:
    """All that an event writes."""
    rows = Assignment.objects.filter(membership__study=study).order_by("pk")
    return [
        list(rows.values_list()),
        list(FoldItem.objects.filter(fold__study=study).order_by("pk").values_list()),
        list(GoldenItem.objects.filter(study=study).order_by("pk").values_list()),
        list(Membership.objects.filter(study=study).order_by("pk").values_list("pk", "state")),
        list(study.folds.order_by("pk").values_list()),
        list(Commitment.objects.filter(study=study).values_list()),
        Study.objects.values_list("state", "closed_at").get(pk=study.pk),
        AuditEvent.objects.filter(study_id=study.pk).count(),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("name", EVENTS)
def test_an_event_that_breaks_off_leaves_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commitment's document and row are written, and then its audit record can't be."""
    study = _study()
    before = _everything(study)

    class DiskFull(Exception):
        pass

    def fail(*_: object, **__: object) -> None:
        raise DiskFull

    monkeypatch.setattr(audit, "record", _unless(audit.record, "commitment.published", fail))
    with pytest.raises(DiskFull), transaction.atomic():
        EVENTS[name](study)
    assert _everything(study) == before
    monkeypatch.undo()
    EVENTS[name](study)
    check_whole(study)
    assert verify(study).all_problems == ()


def _unless(record: Callable[..., object], verb: str, fail: Callable[..., object]) -> Callable[..., object]:
    return lambda actor, what, *rest, **more: (fail if what == verb else record)(actor, what, *rest, **more)


def _at_once(*events: Callable[[], object]) -> list[Exception]:
    """What goes wrong when all begin at the same moment, each in a connection of its own."""
    wrong: list[Exception] = []
    ready = threading.Barrier(len(events))

    def do(event: Callable[[], object]) -> None:
        try:
            ready.wait(60)
            event()
        except Exception as error:  # noqa: BLE001 - handed to the test
            wrong.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=(event,)) for event in events]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    return wrong


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", EVENTS)
def test_a_second_click_changes_nothing_more(name: str) -> None:
    study = _study()
    event = EVENTS[name]
    wrong = _at_once(lambda: event(study), lambda: event(study))
    assert all(isinstance(error, ValidationError) for error in wrong)
    assert len(wrong) == (0 if name == "close" else 1)
    assert Commitment.objects.filter(study=study).count() == 2
    check_whole(study)
    assert verify(study).all_problems == ()


@pytest.mark.django_db(transaction=True)
def test_everything_at_once_loses_no_image() -> None:
    """Windows, answers, two events, new images, and at last the close: nothing hangs, and all is in its place."""
    study = _study()
    members = raters_of(study)
    newcomer = rater(study)

    def work(member: Membership) -> None:
        for _ in range(8):
            for token in labelling.window(member, 3).tokens:
                answer(member, grade(token))

    wrong = _at_once(
        lambda: work(members[1]),
        lambda: work(members[2]),
        lambda: withdraw_rater(members[0], "ill", actor=audit.SYSTEM),
        lambda: add_late_rater(study, newcomer, actor=audit.SYSTEM),
        lambda: deal_added(study, actor=audit.SYSTEM),
        lambda: add_images(study, (1, 2)),
    )
    # Dealing may meet the new images before their search has; whoever asks then is told so.
    assert all("were not searched" in str(error) for error in wrong)
    check_whole(study)
    check_clusters(study)
    wrong = _at_once(
        lambda: set_state(study, StudyState.CLOSED, actor=audit.SYSTEM),
        lambda: deal_added(study, actor=audit.SYSTEM),
        lambda: work(members[1]),
    )
    assert all(isinstance(error, ValidationError | labelling.NotOpen) for error in wrong)
    study.refresh_from_db()
    assert study.state == StudyState.CLOSED and study.memberships.filter(role=Role.RATER).count() == 4
    found = verify(study)
    assert found.all_problems == () and found.commitments[-1].number == Commitment.objects.filter(study=study).count()
