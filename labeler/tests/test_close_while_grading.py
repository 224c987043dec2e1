"""A study that is paused or closed takes no more grades: not even one that was on its way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from accounts import audit
from labeler import labelling
from labeler.answering import answer
from labeler.models import Assignment, Label, Membership, Study, StudyState
from labeler.studies import set_state
from labeler.tests.factories import grade, start

pytestmark = pytest.mark.django_db(transaction=True)


def _meanwhile(act: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Begin something in a connection of its own; what comes of it stands in the list at its end."""
    found: list[object] = []

    def do() -> None:
        try:
            found.append(act())
        except labelling.NotOpen as error:
            found.append(error.refusal)
        finally:
            connection.close()

    thread = threading.Thread(target=do)
    thread.start()
    time.sleep(0.4)
    return thread, found


@pytest.mark.parametrize(
    ("state", "refusal"), [(StudyState.CLOSED, labelling.CLOSED), (StudyState.PAUSED, labelling.PAUSED)]
)
def test_a_grade_that_comes_during_the_close_is_refused(
    bob_rates: Membership, state: StudyState, refusal: labelling.Refusal
) -> None:
    (item, _) = start(bob_rates, 2)
    labelling.window(bob_rates, 1)
    with transaction.atomic():
        set_state(bob_rates.study, state, actor=audit.SYSTEM)
        thread, found = _meanwhile(lambda: answer(bob_rates, grade(item.token)).refusal)
    thread.join(60)
    assert found == [refusal] and not Label.objects.exists()


def test_a_window_that_is_asked_for_during_the_close_sends_nothing(bob_rates: Membership) -> None:
    start(bob_rates, 2)
    with transaction.atomic():
        set_state(bob_rates.study, StudyState.CLOSED, actor=audit.SYSTEM)
        thread, found = _meanwhile(lambda: labelling.window(bob_rates, 1))
    thread.join(60)
    assert found == [labelling.CLOSED] and not Assignment.objects.filter(released_at__isnull=False).exists()


def test_the_close_waits_for_a_grade_that_is_being_taken(bob_rates: Membership) -> None:
    (item,) = start(bob_rates, 1)
    labelling.window(bob_rates, 1)
    with transaction.atomic():
        answer(bob_rates, grade(item.token))
        thread, found = _meanwhile(lambda: set_state(bob_rates.study, StudyState.CLOSED, actor=audit.SYSTEM))
        assert not found
    thread.join(60)
    assert found == [None] and Study.objects.get().state == StudyState.CLOSED and Label.objects.count() == 1
