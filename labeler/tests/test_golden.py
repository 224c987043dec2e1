"""Golden images: chosen with their clusters, by hand or by a table; or drawn, in proportion and by chance alone."""

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from django.core.exceptions import ValidationError
from scipy import stats

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEvent, User
from labeler import golden
from labeler.csv_table import BadTable
from labeler.models import GoldenItem, GoldenSight, Image, ImageName, Role, Study, StudyState
from labeler.planning import stream
from labeler.stratified import pick, quotas
from labeler.studies import add_member
from labeler.tests.factories import make_image

Names = dict[str, Image]


@pytest.fixture
def images(study: Study) -> Names:
    """Twelve images a … l: a, b, c are of one person, d and e look alike, l is rejected; eight are from a phone."""
    made = {}
    for number, name in enumerate("abcdefghijkl"):
        made[name] = image = make_image(study, number)
        camera = {"camera": "phone" if number < 8 else "slr"}
        ImageName.objects.create(study=study, image=image, name=f"{name}.jpg", metadata=camera)
    for together in ("abc", "de", *"fghijkl"):
        members = [made[name].pk for name in together]
        Image.objects.filter(pk__in=members).update(cluster=min(members))
    Image.objects.filter(pk=made["l"].pk).update(rejected_reason="too dark")
    return made


def _golden(study: Study) -> str:
    names = ImageName.objects.filter(image__golden_item__study=study).order_by("name")
    return "".join(name.name[0] for name in names)


def _table(study: Study, text: str) -> golden.Changed:
    return golden.choose_from_table(study, "golden.csv", text.encode(), actor=audit.SYSTEM)


def test_choosing_an_image_chooses_its_cluster(study: Study, images: Names) -> None:
    assert golden.choose(study, [images["b"].pk, images["f"].pk], actor=audit.SYSTEM).chosen == 4
    assert _golden(study) == "abcf"
    golden.unchoose(study, [images["c"].pk], actor=audit.SYSTEM)
    assert _golden(study) == "f"


def test_a_page_of_ticks_keeps_a_cluster_of_which_one_is_ticked(study: Study, images: Names) -> None:
    golden.choose(study, [images["f"].pk], actor=audit.SYSTEM)
    done = golden.set_choice(study, [images["d"].pk], [images["e"].pk, images["f"].pk], actor=audit.SYSTEM)
    assert _golden(study) == "de" and (done.chosen, done.unchosen) == (2, 1)


def test_who_chooses_has_seen_and_the_audit_names_ids_only(study: Study, images: Names, alice: User) -> None:
    golden.choose(study, [images["f"].pk], actor=Actor(alice))
    assert GoldenSight.objects.get(study=study).user == alice
    event = AuditEvent.objects.get(verb="golden.chosen")
    assert event.after == {"images": [images["f"].pk]} and event.actor == alice


def test_a_lead_who_rates_chooses_nothing(study: Study, images: Names, alice: User) -> None:
    add_member(study, Role.RATER, user=alice, actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="You rate in this study"):
        golden.choose(study, [images["f"].pk], actor=Actor(alice))
    assert _golden(study) == ""


@pytest.mark.parametrize("state", [StudyState.LABELLING, StudyState.PAUSED, StudyState.CLOSED])
def test_nothing_is_chosen_once_labelling_began(study: Study, images: Names, state: StudyState) -> None:
    golden.choose(study, [images["f"].pk], actor=audit.SYSTEM)
    Study.objects.filter(pk=study.pk).update(state=state)
    for act in (golden.choose, golden.unchoose):
        with pytest.raises(ValidationError, match="this one has begun"):
            act(study, [images["f"].pk], actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="this one has begun"):
        golden.plan_draw(study, 1, "", actor=audit.SYSTEM)
    assert _golden(study) == "f"


def test_what_nobody_could_grade_is_never_golden(study: Study, images: Names) -> None:
    with pytest.raises(ValidationError, match=r"“l\.jpg”"):
        golden.choose(study, [images["l"].pk], actor=audit.SYSTEM)
    stranger = make_image(Study.objects.create(name="Another"), 1)
    with pytest.raises(ValidationError, match="not in this study"):
        golden.choose(study, [stranger.pk, images["f"].pk], actor=audit.SYSTEM)
    assert not GoldenItem.objects.exists()


def test_a_table_chooses_and_leaves_the_rest_alone(study: Study, images: Names) -> None:
    golden.choose(study, [images["f"].pk, images["g"].pk], actor=audit.SYSTEM)
    done = _table(study, "file;golden\nd.jpg;yes\nf.jpg;no\nh.jpg;\n")
    assert _golden(study) == "deg" and (done.chosen, done.unchosen) == (2, 1)
    _table(study, "image\nh.jpg\n")
    assert _golden(study) == "degh"


def test_a_table_is_refused_whole_with_every_problem(study: Study, images: Names) -> None:
    with pytest.raises(BadTable) as caught:
        _table(study, "file,golden\nf.jpg,yes\nz.jpg,yes\ng.jpg,maybe\n,yes\nl.jpg,yes\nd.jpg,yes\ne.jpg,no\n")
    told = "\n".join(caught.value.lines)
    for row, column in ((3, "file"), (4, "golden"), (5, "file"), (6, "file"), (8, "golden")):
        assert f"row {row}, column “{column}”" in told
    assert len(caught.value.problems) == 5 and _golden(study) == ""
    with pytest.raises(BadTable, match="names no file"):
        _table(study, "file\n")


def test_a_cluster_that_is_golden_in_part_is_found_and_made_whole(study: Study, images: Names, alice: User) -> None:
    GoldenItem.objects.create(study=study, image=images["e"])
    GoldenItem.objects.create(study=study, image=images["f"])
    assert golden.straddling(study) == [[images["d"].pk, images["e"].pk]]
    assert golden.complete(study, actor=Actor(alice)) == 1
    assert golden.straddling(study) == [] and _golden(study) == "def"
    assert not GoldenSight.objects.exists()  # she was told a number only


def test_a_draw_is_planned_from_what_there_is(study: Study, images: Names) -> None:
    assert golden.columns(study) == ["camera"]
    golden.choose(study, [images["a"].pk], actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="only 8 images") as caught:  # neither a, b, c nor the rejected l
        golden.plan_draw(study, 9, "", actor=audit.SYSTEM)
    assert "size" in caught.value.message_dict
    with pytest.raises(ValidationError, match="“lens”"):
        golden.plan_draw(study, 4, "lens", actor=audit.SYSTEM)
    golden.plan_draw(study, 4, "camera", actor=audit.SYSTEM)
    study.refresh_from_db()
    assert (study.golden_draw_size, study.golden_draw_column) == (4, "camera")
    assert [(row.value, row.images, row.drawn) for row in golden.strata(study, "camera", 4)] == [
        ("phone", 5, 3),
        ("slr", 3, 1),
    ]


def test_a_draw_keeps_proportions_and_clusters_and_adds_to_what_was_chosen(study: Study, images: Names) -> None:
    golden.choose(study, [images["f"].pk], actor=audit.SYSTEM)
    golden.plan_draw(study, 5, "camera", actor=audit.SYSTEM)
    seen = set()
    for seed in range(40):
        GoldenItem.objects.exclude(image=images["f"]).delete()
        assert golden.draw(study, actor=audit.SYSTEM, rng_seed=seed) == 5
        drawn = _golden(study)
        seen.add(drawn)
        assert len(drawn) == 6 and "f" in drawn and "l" not in drawn and golden.straddling(study) == []
        assert sum(name in "abcdegh" for name in drawn) == 4  # 7 of 10 phones: 3.5, and a tie goes to more
    assert len(seen) > 6
    assert not GoldenSight.objects.exists()
    assert AuditEvent.objects.filter(verb="golden.drawn").last().after == {"asked": 5, "drawn": 5, "column": "camera"}  # type: ignore[union-attr]


def test_the_same_seed_draws_the_same(study: Study, images: Names) -> None:
    golden.plan_draw(study, 4, "", actor=audit.SYSTEM)
    draws = []
    for seed in (1, 1, 2, 3, 4):
        GoldenItem.objects.all().delete()
        golden.draw(study, actor=audit.SYSTEM, rng_seed=seed)
        draws.append(_golden(study))
    assert draws[0] == draws[1] and len(set(draws)) > 1


def test_a_draw_from_too_few_is_refused(study: Study, images: Names) -> None:
    golden.plan_draw(study, 11, "", actor=audit.SYSTEM)
    Image.objects.filter(pk=images["k"].pk).update(rejected_reason="blurred")
    with pytest.raises(ValidationError, match="only 10 left"):
        golden.draw(study, actor=audit.SYSTEM, rng_seed=1)


@pytest.mark.parametrize(
    "sizes, total, expected",
    [
        ({"a": 50, "b": 30, "c": 20}, 10, {"a": 5, "b": 3, "c": 2}),
        ({"a": 1, "b": 1, "c": 1}, 2, {"a": 1, "b": 1, "c": 0}),
        ({"a": 5, "b": 3}, 4, {"a": 3, "b": 1}),  # 2.5 and 1.5: the larger one
        ({"a": 2, "b": 1}, 3, {"a": 2, "b": 1}),
        ({}, 0, {}),
    ],
)
def test_quotas_are_of_the_largest_remainder(sizes: dict[str, int], total: int, expected: dict[str, int]) -> None:
    assert quotas(sizes, total) == expected


def test_no_stratum_gives_more_than_one_off_its_share() -> None:
    rng = random.Random(3)
    for _ in range(300):
        sizes = {str(number): rng.randint(1, 40) for number in range(rng.randint(1, 9))}
        there = sum(sizes.values())
        total = rng.randint(0, there)
        given = quotas(sizes, total)
        assert sum(given.values()) == total
        assert all(abs(given[name] - total * size / there) < 1 and given[name] <= size for name, size in sizes.items())


def _best(sizes: Sequence[int], quota: int) -> int:
    totals = {0}
    for size in sizes:
        totals |= {total + size for total in totals if total + size <= quota}
    return max(totals)


def test_whole_clusters_come_as_near_to_the_quota_as_any_could() -> None:
    rng = random.Random(5)
    for seed in range(300):
        sizes = [rng.choice((1, 2, 2, 3, 5, 8)) for _ in range(rng.randint(1, 14))]
        sizes = [size for size in sizes if size > 1] or sizes  # where single images can't fill the gap
        quota = rng.randint(0, sum(sizes) + 2)
        taken = pick(sizes, quota, stream(seed, "golden"))
        assert len(set(taken)) == len(taken)
        assert sum(sizes[place] for place in taken) == _best(sizes, quota)


def test_every_cluster_of_a_size_has_the_same_chance() -> None:
    draws = 4000
    for sizes, quota in (([1] * 30, 6), ([2] * 12, 7), ([1] * 24 + [3] * 8, 16)):
        taken = Counter(place for seed in range(draws) for place in pick(sizes, quota, stream(seed, "golden")))
        for size in set(sizes):
            counts = [taken[place] for place, own in enumerate(sizes) if own == size]
            # Drawn without replacement, counts vary less than chi-squared allows: the test is on the safe side.
            assert stats.chisquare(counts).pvalue > 0.001
        chances = [taken[place] / draws for place in range(len(sizes))]
        assert all(abs(chance - quota / sum(sizes)) < 0.06 for chance in chances)
