"""What a rater's requests ask of the database: the same few statements, however many images; and never a count."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4, uuid5

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from labeler import labelling
from labeler.models import Assignment, Flag, Label, Membership, Role
from labeler.prepared import Statement
from labeler.reading_ahead import AHEAD
from labeler.tests.factories import message, signed_in, start
from labeler.views.labelling import WINDOW


@pytest.fixture
def base(bob_rates: Membership) -> str:
    return f"/studies/{bob_rates.study_id}/label/"


@pytest.fixture
def client(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def dealt(bob_rates: Membership, base: str, client: Client) -> list[Assignment]:
    """Forty images, the first of them sent and three answered: what a connection does once is done."""
    dealt = start(bob_rates, 40)
    for size in (WINDOW, 10, 1):
        client.get(f"{base}window.json?size={size}")
    client.get(f"{base}i/{dealt[0].token}.jpg")
    answer(client, base, dealt[:1])
    answer(client, base, dealt[8:10])
    return dealt


def answer(client: Client, base: str, items: list[Assignment]) -> None:
    body = json.dumps({"answers": [message(item.token) for item in items], "rater": "R01"})
    response = client.post(f"{base}answers", body, content_type="application/json")
    assert [one["status"] for one in response.json()["outcomes"]] == ["saved"] * len(items)


@contextmanager
def asked() -> Generator[list[str]]:
    """The statements that are run inside: by name, or by their first word."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found += [
        named[1] if (named := re.match(r"EXECUTE (\w+)", query["sql"])) else query["sql"].split(" ", 1)[0]
        for query in captured
    ]


AROUND = ("SAVEPOINT", "RELEASE")


def test_a_picture_costs_one_statement(client: Client, base: str, dealt: list[Assignment]) -> None:
    with asked() as statements:
        assert client.get(f"{base}i/{dealt[3].token}.jpg").status_code == 200
    assert statements == ["goldfold_picture"]
    with asked() as statements:
        again = client.get(f"{base}i/{dealt[3].token}.jpg", headers={"If-None-Match": f'"{dealt[3].token}"'})
        assert again.status_code == 304
    assert statements == ["goldfold_picture"]


@pytest.mark.parametrize("size", [1, 10])
def test_a_window_costs_three_statements(client: Client, base: str, dealt: list[Assignment], size: int) -> None:
    for _ in ("with images that were not sent yet", "with none"):
        with asked() as statements:
            assert len(client.get(f"{base}window.json?size={size}").json()["tokens"]) == size
        inside = ("goldfold_lock", f"goldfold_window_{size}_{size + AHEAD}")
        assert statements == ["goldfold_rater", AROUND[0], *inside, AROUND[1]]


@pytest.mark.parametrize("size", [1, 7])
def test_answers_cost_four_statements(client: Client, base: str, dealt: list[Assignment], size: int) -> None:
    with asked() as statements:
        answer(client, base, dealt[1 : 1 + size])
    several = "_several" * (size > 1)
    inside = ("goldfold_lock", f"goldfold_known{several}", f"goldfold_append{several}")
    assert statements == ["goldfold_rater", AROUND[0], *inside, AROUND[1]]


@pytest.mark.parametrize("size", [1, 7])
def test_changing_answers_costs_one_more(client: Client, base: str, dealt: list[Assignment], size: int) -> None:
    items = dealt[1 : 1 + size]
    answer(client, base, items)
    body = json.dumps({"answers": [message(one.token, 5, base_version=1) for one in items], "rater": "R01"})
    with asked() as statements:
        client.post(f"{base}answers", body, content_type="application/json")
    several = "_several" * (size > 1)
    inside = ("goldfold_lock", f"goldfold_known{several}", "SELECT", f"goldfold_append{several}")
    assert statements == ["goldfold_rater", AROUND[0], *inside, AROUND[1]]


def test_the_page_costs_six_statements(client: Client, base: str, dealt: list[Assignment]) -> None:
    with asked() as statements:
        assert client.get(base).status_code == 200
    inside = ("goldfold_lock", f"goldfold_window_{WINDOW}_{WINDOW + AHEAD}")
    assert statements == ["SELECT", "SELECT", AROUND[0], *inside, AROUND[1], "SELECT"]  # user, rater, …, scale


def test_nothing_is_counted(client: Client, base: str, dealt: list[Assignment]) -> None:
    named = [statement.sql for name, statement in Statement.by_name.items() if name.startswith("goldfold_")]
    assert len(named) > 4
    with CaptureQueriesContext(connection) as captured:
        client.get(base)
    for sql in [*named, *(query["sql"] for query in captured)]:
        assert not re.search(r"\bcount\s*\(", sql, re.IGNORECASE)


def nodes(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield plan["Node Type"], plan.get("Relation Name", "")
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.fixture
def long_queue(bob_rates: Membership, dealt: list[Assignment]) -> None:
    """Much is still to come, and somebody else has answered much: an index is the way to all of it."""
    other = Membership.objects.create(study=bob_rates.study, code="R99", role=Role.RATER)
    _queue(bob_rates, dealt[0])
    key = uuid4()
    Label.objects.bulk_create(
        Label(assignment=one, client_key=uuid5(key, str(one.pk)), flag=Flag.DARK, version=1)
        for one in _queue(other, dealt[0])
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE labeler_assignment, labeler_queue, labeler_label")


def _queue(membership: Membership, like: Assignment) -> list[Assignment]:
    return Assignment.objects.bulk_create(
        Assignment(
            membership=membership,
            image=like.image,
            rendition=like.rendition,
            repeat=number,
            sort_key=100_000 + number,
        )
        for number in range(1, 4_000)
    )


@pytest.mark.usefixtures("long_queue")
@pytest.mark.parametrize(
    "request_of",
    [
        lambda client, base, item: client.get(f"{base}i/{item.token}.jpg"),
        lambda client, base, item: client.get(f"{base}window.json"),
        lambda client, base, item: answer(client, base, [item]),
    ],
    ids=["picture", "window", "answer"],
)
def test_the_rows_come_by_indexes_whose_size_does_not_count(
    client: Client,
    base: str,
    dealt: list[Assignment],
    request_of: Callable[[Client, str, Assignment], object],
) -> None:
    """Each statement reads as much at the end of a long queue as in a short one."""
    with CaptureQueriesContext(connection) as captured:
        request_of(client, base, dealt[4])
    read = [query["sql"] for query in captured if re.match(r"EXECUTE goldfold_(?!append)", query["sql"])]
    assert read
    for statement in read:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
            plan = cursor.fetchone()[0][0]["Plan"]
        assert ("Seq Scan", "labeler_assignment") not in set(nodes(plan))
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 250


def test_a_window_of_another_size_is_planned_for_that_size(bob_rates: Membership, dealt: list[Assignment]) -> None:
    for size in (1, 5, 20):
        assert len(labelling.window(bob_rates, size).tokens) == size
