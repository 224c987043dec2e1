"""The judge of a storm finds what is planted, and nothing where all is well."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bench.storms.facts import Confirmed, Facts, Given, Kept, Said
from bench.storms.faults import Deck, Fault
from bench.storms.judging import Verdict, judge

SIZE = 30
SECOND_TAB_FROM = 20
COMMITTED_AFTER = 0.03


def calm() -> Facts:
    """Thirty grades, one a second, the last ten in a second tab; the fifth is changed; the page says what is true."""
    given = [
        Given(float(place), float(place), tab_of(place), f"token{place:02}", 1 + place % 5) for place in range(SIZE)
    ]
    given.insert(6, Given(5.5, 5.5, 1, "token05", 3))
    seen: list[str] = []
    kept = []
    for order, one in enumerate(given):
        version = 2 if one.token in seen else 1
        seen += [one.token] if version == 1 else []
        shown = seen.index(one.token) + 1
        kept.append(Kept(order, one.tab, one.token, one.level, version, f"key{order}", shown, one.at + COMMITTED_AFTER))
    return Facts(
        given=tuple(given),
        kept=tuple(kept),
        said=tuple(line for row, one in zip(kept, given, strict=True) for line in lines(one.at, row)),
        confirmed=tuple(Confirmed(row.committed + 0.01, row.tab, row.key) for row in kept),
        loads=((1, -1.0), (2, SECOND_TAB_FROM - 0.5)),
    )


def tab_of(place: int) -> int:
    return 1 if place < SECOND_TAB_FROM else 2


def lines(at: float, row: Kept) -> tuple[Said, Said]:
    told = row.committed + 0.01
    return Said(row.tab, at, told, "saving", None), Said(row.tab, told, at + 0.5, "saved", None)


def findings(verdict: Verdict) -> tuple[int, int, int, int]:
    return len(verdict.lost), len(verdict.duplicated), len(verdict.disordered), len(verdict.misstated)


def rows(facts: Facts, *changed: Kept) -> tuple[Kept, ...]:
    """The rows kept, with these in place of those of the same order."""
    by_order = {row.order: row for row in facts.kept} | {row.order: row for row in changed}
    return tuple(by_order[order] for order in sorted(by_order))


def test_where_all_is_well_nothing_is_found() -> None:
    assert judge(calm()) == Verdict((), (), (), ())


def test_a_lost_grade_is_found_and_that_the_page_called_it_saved() -> None:
    facts = calm()
    verdict = judge(replace(facts, kept=facts.kept[:-1]))
    assert findings(verdict) == (1, 0, 0, 1)
    assert "token29" in verdict.lost[0]


def test_a_grade_that_is_there_twice_is_found() -> None:
    facts = calm()
    twice = replace(facts.kept[-1], order=99, version=2, key="another key")
    assert findings(judge(replace(facts, kept=(*facts.kept, twice)))) == (0, 1, 0, 0)


def test_another_level_than_the_given_one_is_lost_and_made_up() -> None:
    facts = calm()
    other = replace(facts.kept[10], level=1 + facts.kept[10].level % 5)
    assert findings(judge(replace(facts, kept=rows(facts, other))))[:2] == (1, 1)


def test_two_grades_that_were_written_the_other_way_round_are_found() -> None:
    facts = calm()
    one, two = facts.kept[10], facts.kept[11]
    swapped = rows(facts, replace(one, order=two.order), replace(two, order=one.order))
    assert findings(judge(replace(facts, kept=swapped))) == (0, 0, 1, 0)


def test_two_images_that_are_numbered_the_other_way_round_are_found() -> None:
    facts = calm()
    one, two = facts.kept[10], facts.kept[11]
    swapped = rows(facts, replace(one, shown=two.shown), replace(two, shown=one.shown))
    assert findings(judge(replace(facts, kept=swapped))) == (0, 0, 1, 0)


def test_a_change_that_became_the_first_version_is_found() -> None:
    facts = calm()
    first, change = facts.kept[5], facts.kept[6]
    swapped = rows(facts, replace(first, version=2), replace(change, version=1))
    assert len(judge(replace(facts, kept=swapped)).disordered) > 0


def test_tabs_may_be_written_in_any_order_among_one_another() -> None:
    """What was given in a closed tab may come after what was given later in another."""
    facts = calm()
    late = facts.kept[SECOND_TAB_FROM]
    moved = replace(late, order=late.order + SIZE, shown=SIZE)
    others = tuple(
        replace(row, shown=(row.shown or 0) - 1) if row.tab == 2 else row for row in facts.kept if row is not late
    )
    assert moved.tab == 1
    assert findings(judge(replace(facts, kept=(*others, moved))))[2] == 0


@pytest.mark.parametrize(("delay", "found"), [(0.05, 0), (0.3, 1)])
def test_saved_is_false_when_something_given_a_moment_before_was_not_committed(delay: float, found: int) -> None:
    facts = calm()
    late = replace(facts.kept[10], committed=facts.kept[10].committed + delay)
    verdict = judge(replace(facts, kept=rows(facts, late)))
    assert findings(verdict) == (0, 0, 0, found)


def test_nothing_is_false_while_the_page_still_does_what_the_key_asks() -> None:
    facts = calm()
    one = facts.given[10]
    slow = replace(one, at=one.at - 0.3)
    assert judge(replace(facts, given=(*facts.given[:10], slow, *facts.given[11:]))).misstated == ()


def test_saved_in_one_tab_says_nothing_of_another_until_that_is_gone() -> None:
    facts = calm()
    kept = rows(facts, replace(facts.kept[SECOND_TAB_FROM], committed=25.3))
    quiet = tuple(said for said in facts.said if said.tab == 2)
    assert judge(replace(facts, kept=kept, said=quiet)).misstated == ()
    assert len(judge(replace(facts, kept=kept, said=quiet, ends={1: 19.6})).misstated) > 0


@pytest.mark.parametrize(("waiting", "found"), [(2, 1), (3, 0), (4, 1)])
def test_the_number_of_waiting_grades_must_be_right(waiting: int, found: int) -> None:
    given = tuple(Given(float(place), float(place), 1, f"token{place}", 2) for place in range(3))
    kept = tuple(Kept(place, 1, f"token{place}", 2, 1, f"key{place}", place + 1, 6.0) for place in range(3))
    confirmed = tuple(Confirmed(6.01, 1, row.key) for row in kept)
    said = (Said(1, 2.0, 6.0, "offline", waiting),)
    assert findings(judge(Facts(given, kept, said, confirmed, ((1, 0.0),)))) == (0, 0, 0, found)


def test_every_kind_of_fault_comes_once_in_a_round_and_what_cannot_be_now_comes_later() -> None:
    deck = Deck(random.Random(1), 10)
    first = [deck.draw(lambda fault: fault is not Fault.OFFLINE) for _ in range(len(Fault) - 1)]
    assert deck.draw(lambda fault: True) is Fault.OFFLINE
    assert sorted([*map(str, first), Fault.OFFLINE]) == sorted(map(str, Fault))
