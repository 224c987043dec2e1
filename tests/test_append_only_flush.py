import threading
import time

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from tests.append_only_flush import empty_tables


@pytest.mark.django_db(transaction=True)
def test_a_request_still_at_work_does_not_stop_the_cleaning_up() -> None:
    User.objects.create(email="rater@example.org")
    Session.objects.create(session_key="key", session_data="", expire_date=timezone.now())
    holds_the_last_table = threading.Event()

    def request_with_its_locks_in_the_other_order() -> None:
        with transaction.atomic():
            Session.objects.update(session_data="kept")
            holds_the_last_table.set()
            time.sleep(0.3)
            User.objects.update(name="Rater")
        connection.close()

    request = threading.Thread(target=request_with_its_locks_in_the_other_order)
    request.start()
    assert holds_the_last_table.wait(60)
    empty_tables()
    request.join(60)
    assert not User.objects.exists()
    assert not Session.objects.exists()
