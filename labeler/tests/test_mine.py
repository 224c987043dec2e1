"""My grades: which of their answers a rater is shown, in which groups, and what that costs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import audit
from accounts.models import User
from labeler import answering, mine
from labeler.labelling import NotOpen
from labeler.looking_back import PartGiven
from labeler.mine import PAGE, MyGrades, Order, Show
from labeler.models import Assignment, Flag, Membership, Region, Rendition, StudyState
from labeler.studies import set_state
from labeler.tests.factories import deal, grade, make_image, signed_in, start
from labeler.tests.test_blinding import BOOT_FIELDS, GIVEN, TELLING, keys


@pytest.fixture
def client(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def address(bob_rates: Membership) -> str:
    return f"/studies/{bob_rates.study_id}/label/mine/"


def answer_all(membership: Membership, answers: Sequence[float | str], **fields: object) -> list[Assignment]:
    """Answer the next images, in their order: a level's value, or a flag; 2.5 means 2, unsure."""
    items = list(membership.assignments.filter(shown_seq__isnull=True).order_by("sort_key")[: len(answers)])
    Assignment.objects.filter(pk__in=[item.pk for item in items], released_at__isnull=True).update(
        released_at=timezone.now()
    )
    given = [
        grade(item.token, None, flag=Flag(one), **fields)  # type: ignore[arg-type]
        if isinstance(one, str)
        else grade(item.token, int(one), unsure=one != int(one), **fields)
        for item, one in zip(items, answers, strict=True)
    ]
    assert {one.status for one in answering.answer_all(membership, given)} == {answering.Status.SAVED}
    return items


def shown(found: MyGrades) -> dict[float | None, list[int]]:
    """The numbers in each group that has any."""
    return {group.level_value: [item.number for item in group.items] for group in found.groups if group.items}


def boot(client: Client, address: str) -> dict[str, Any]:
    page = client.get(address)
    assert page.status_code == 200
    found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', page.content.decode())
    assert found is not None
    told: dict[str, Any] = json.loads(found[1])
    return told


def test_answers_stand_in_groups_from_mild_to_severe_then_not_gradable(bob_rates: Membership) -> None:
    start(bob_rates, 6)
    answer_all(bob_rates, [4, 2, "blur", 4, 1.5, 2])
    newest = mine.my_grades(bob_rates, Show.ALL, Order.NEWEST)
    assert newest.finished
    assert [group.level_value for group in newest.groups] == [1, 2, 3, 4, 5, None]
    assert shown(newest) == {1: [5], 2: [6, 2], 4: [4, 1], None: [3]}
    assert [group.count for group in newest.groups] == [1, 2, 0, 2, 0, 1]
    assert shown(mine.my_grades(bob_rates, Show.ALL, Order.OLDEST))[4] == [1, 4]


def test_the_answer_that_counts_is_shown_with_what_became_of_it(bob_rates: Membership) -> None:
    start(bob_rates, 2)
    first, second = answer_all(bob_rates, [4, 2])
    answering.answer(bob_rates, grade(first.token, 5, base_version=1, comment="worse than I thought"))
    answering.answer(bob_rates, grade(second.token, 3, base_version=0))
    found = mine.my_grades(bob_rates, Show.ALL, Order.NEWEST)
    assert shown(found) == {5: [1], 3: [2]}
    (changed,), (twice,) = found.groups[4].items, found.groups[2].items
    assert (changed.token, changed.given.version, changed.given.comment) == (first.token, 2, "worse than I thought")
    assert (changed.twice, twice.twice) == (False, True)


def test_filters_show_unsure_ones_those_not_gradable_or_one_level(bob_rates: Membership) -> None:
    start(bob_rates, 6)
    answer_all(bob_rates, [4, 2.5, "blur", 4.5, 1, 2])
    unsure = mine.my_grades(bob_rates, Show.UNSURE, Order.NEWEST)
    assert shown(unsure) == {2: [2], 4: [4]}
    assert [group.count for group in unsure.groups] == [0, 1, 0, 1, 0, 0]
    flagged = mine.my_grades(bob_rates, Show.FLAGGED, Order.NEWEST)
    assert (shown(flagged), flagged.groups[-1].count) == ({None: [3]}, 1)
    fours = mine.my_grades(bob_rates, Show.ALL, Order.NEWEST, only=4)
    assert (shown(fours), [group.level_value for group in fours.groups]) == ({4: [4, 1]}, [4])
    assert fours.counts.shown == {Show.ALL: 6, Show.OPEN: 3, Show.UNSURE: 2, Show.FLAGGED: 1}
    assert fours.counts.levels == {1: 1, 2: 2, 4: 2}
    assert mine.my_grades(bob_rates, Show.ALL, Order.NEWEST, only=77).only is None


def test_until_all_is_answered_only_what_is_open_is_shown(bob_rates: Membership) -> None:
    start(bob_rates, 5)
    answer_all(bob_rates, [4, 2.5, "blur", 4])
    for only in (None, 4):
        found = mine.my_grades(bob_rates, Show.ALL, Order.NEWEST, only=only)
        assert (found.finished, found.show, found.only) == (False, Show.OPEN, None)
        assert shown(found) == {2: [2], None: [3]}
    with pytest.raises(NotOpen) as refused:
        mine.more(bob_rates, Show.ALL, Order.NEWEST, 4, after=100)
    assert refused.value.refusal == mine.UNFINISHED
    assert [item.number for item in mine.more(bob_rates, Show.OPEN, Order.NEWEST, 2, after=100)] == [2]
    answer_all(bob_rates, [1])
    assert len(mine.more(bob_rates, Show.ALL, Order.NEWEST, 4, after=100)) == 2


def test_a_long_group_comes_in_pages_without_gaps_or_repetition(bob_rates: Membership) -> None:
    start(bob_rates, 2 * PAGE + 7)
    answer_all(bob_rates, [3] * PAGE + [1] * 5 + [3] * (PAGE + 2))
    for order in Order:
        found = mine.my_grades(bob_rates, Show.ALL, order)
        group = found.groups[2]
        assert (group.count, len(group.items)) == (2 * PAGE + 2, PAGE)
        second = mine.more(bob_rates, Show.ALL, order, 3, after=group.items[-1].number)
        third = mine.more(bob_rates, Show.ALL, order, 3, after=second[-1].number)
        numbers = [item.number for item in (*group.items, *second, *third)]
        assert numbers == sorted(numbers, reverse=order == Order.NEWEST)
        assert len(set(numbers)) == group.count


def test_what_was_not_shown_or_can_no_longer_be_is_not_there(bob_rates: Membership, carol_rates: Membership) -> None:
    items = start(bob_rates, 3)
    deal(carol_rates, [items[0].image])
    answer_all(bob_rates, [3, 3, 3])
    Rendition.objects.filter(assignments=items[1]).update(path="")
    Assignment.objects.bulk_create([Assignment(membership=bob_rates, image=make_image(bob_rates.study, 9), sort_key=1)])
    found = mine.my_grades(bob_rates, Show.ALL, Order.NEWEST)
    assert shown(found) == {3: [3, 1]}
    assert shown(mine.my_grades(carol_rates, Show.ALL, Order.NEWEST)) == {}


def test_the_faces_parts_come_along_where_the_study_grades_them(bob_rates: Membership) -> None:
    start(bob_rates, 1)
    bob_rates.study.grade_regions = True
    bob_rates.study.save(update_fields=["grade_regions"])
    parts = {
        Region.FOREHEAD: PartGiven(2.0),
        Region.CHEEKS: PartGiven(4.0),
        Region.CHIN: PartGiven(None, Flag.UNSEEN),
    }
    answer_all(bob_rates, [3], regions=parts)
    (item,) = mine.my_grades(bob_rates, Show.ALL, Order.NEWEST).groups[2].items
    assert {name: (part.level_value, part.flag) for name, part in item.given.regions.items()} == {
        "forehead": (2, ""),
        "cheeks": (4, ""),
        "chin": (None, "unseen"),
    }


def test_the_page_tells_what_was_asked_for(client: Client, address: str, bob_rates: Membership) -> None:
    start(bob_rates, 4)
    answer_all(bob_rates, [4, 2.5, "blur", 4])
    told = boot(client, address)
    assert told["mine"]["show"] == "all" and told["mine"]["order"] == "newest"
    assert [group["level_value"] for group in told["groups"]] == [1, 2, 3, 4, 5, None]
    fours = boot(client, f"{address}?show=4&order=oldest")
    assert [[item["number"] for item in group["items"]] for group in fours["groups"]] == [[1, 4]]
    page = client.get(f"{address}?show=unsure").content.decode()
    current = re.findall(r'href="\?show=(\w+)&amp;order=(\w+)" aria-current="page"', page)
    assert current == [("unsure", "newest"), ("unsure", "newest")]
    assert boot(client, f"{address}?show=nonsense&order=nan")["mine"]["show"] == "all"


def test_more_of_a_group_is_asked_for_by_its_grade_and_a_number(
    client: Client, address: str, bob_rates: Membership
) -> None:
    start(bob_rates, 3)
    answer_all(bob_rates, [4, "blur", 4])
    told = client.get(f"{address}more.json?group=4&after=3&show=all&order=newest").json()
    assert ([item["number"] for item in told["items"]], told["rater"]) == ([1], "R01")
    told = client.get(f"{address}more.json?group=flagged&after=1&show=all&order=oldest").json()
    assert [item["number"] for item in told["items"]] == [2]
    for wrong in ("group=x&after=1", "group=inf&after=1", "group=4&after=-1", "group=4", "after=1", "group=4&after=²"):
        assert client.get(f"{address}more.json?{wrong}").status_code == 404


def test_it_is_closed_when_the_study_is(client: Client, address: str, bob_rates: Membership) -> None:
    start(bob_rates, 1)
    set_state(bob_rates.study, StudyState.PAUSED, actor=audit.SYSTEM)
    assert client.get(address).status_code == 409
    assert client.get(f"{address}more.json?group=4&after=1").json()["refusal"]["code"] == "paused"
    assert Client().get(f"{address}more.json").status_code == 401


# What the page tells beside what the labelling page does.
OWN_FIELDS = {"mine", "show", "order", "url", "groups", "count", "items", "token", "number", "given", "twice"} | GIVEN


def test_it_tells_the_listed_fields_and_reads_nothing_that_knows_the_golden_set(
    client: Client, address: str, bob_rates: Membership
) -> None:
    start(bob_rates, 6, golden_every=3)
    answer_all(bob_rates, [4, 2.5, "blur", 4, 4, 4])
    with CaptureQueriesContext(connection) as captured:
        told = boot(client, address)
        more = client.get(f"{address}more.json?group=4&after=9&show=all").json()
        counts = client.get(f"{address}counts.json").json()
    assert set(keys(told)) == (BOOT_FIELDS - {"size", "tokens", "answered", "total"}) | OWN_FIELDS
    assert set(keys(more)) == {"items", "token", "number", "given", "twice", "rater"} | GIVEN
    assert counts == {"unsure": 1, "flagged": 1, "rater": "R01"}
    assert [[set(item) for item in group["items"]] for group in told["groups"] if group["items"]] == [
        [{"token", "number", "given", "twice"}] * n for n in (1, 4, 1)
    ]
    tables = {table for query in captured for table in re.findall(r'"(labeler_\w+)"', query["sql"])}
    assert not tables & TELLING


def test_it_costs_the_same_queries_however_many_answers(client: Client, address: str, bob_rates: Membership) -> None:
    costs = []
    # One picture, over and over: that is told apart by nothing but the tokens.
    image = start(bob_rates, 1)[0].image
    answer_all(bob_rates, ["dark"])
    for answers in (10, 990):
        last = bob_rates.assignments.count()
        Assignment.objects.bulk_create(
            Assignment(
                membership=bob_rates, image=image, rendition=image.rendition, repeat=number, sort_key=number * 1000_000
            )
            for number in range(last, last + answers)
        )
        answer_all(bob_rates, [1 + place % 5 + place % 2 / 2 for place in range(answers)])
        with CaptureQueriesContext(connection) as page:
            told = boot(client, address)
        with CaptureQueriesContext(connection) as more:
            client.get(f"{address}more.json?group=4&after=500&show=all&order=newest")
        costs.append((len(page), len(more)))
    assert sum(group["count"] for group in told["groups"]) == 1001
    assert costs[0] == costs[1]
    assert costs[0][0] <= 10 and costs[0][1] <= 6
