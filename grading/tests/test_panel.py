"""Who counts, and what that does to the figures."""

import pytest
from django.core.exceptions import ValidationError

from accounts import audit
from accounts.models import AuditEvent, User
from grading.consensus import freeze_figures, override_seat, panel_figures
from grading.models import Consensus, ConsensusVersion, Scope
from grading.tests.panels import FLAG, add_images, add_raters, answer, answer_all
from labeler.models import Membership, Study


def counting(study: Study) -> list[str]:
    return [seat.code for seat in panel_figures(study).panel]


def test_a_rater_counts_from_nine_answers_in_ten_on(study: Study) -> None:
    raters, images = add_raters(study, 2), add_images(study, 10, golden=10)
    for image in images[:9]:
        answer(raters[0], image, 3)
    for image in images[:8]:
        answer(raters[1], image, 3)
    assert counting(study) == ["R01"]
    answer(raters[1], images[8], FLAG)
    assert counting(study) == ["R01", "R02"]


def test_a_newcomers_first_grade_changes_no_figure(study: Study) -> None:
    raters, images = add_raters(study, 3), add_images(study, 4, golden=4)
    answer_all(raters[:2], images, [[1, 2], [3, 3], [5, 4], [2, 2]])
    before = panel_figures(study)
    answer(raters[2], images[0], 5)
    after = panel_figures(study)
    assert after.agreement == before.agreement and after.values == before.values
    assert after.seats[2].why == "answered 1 of 4 golden images" and not after.seats[2].counts


def test_without_a_golden_set_the_images_of_two_raters_decide(study: Study) -> None:
    """As with a panel imported from a file: who lacks a few grades still counts."""
    raters, images = add_raters(study, 3), add_images(study, 21)
    answer_all(raters, images[:20], [[2, 3, 3]] * 19 + [[2, 3, None]])
    answer(raters[0], images[20], 4)
    figures = panel_figures(study)
    assert [seat.of for seat in figures.seats] == [20, 20, 20]
    assert counting(study) == ["R01", "R02", "R03"]
    assert figures.scope == Scope.ALL
    assert (figures.agreement.n_images, figures.agreement.n_total) == (19, 20)


def test_the_scope_is_the_golden_set_or_all_that_the_panel_graded(study: Study) -> None:
    raters, images = add_raters(study, 2), add_images(study, 6, golden=2)
    answer_all(raters, images, [[1, 2], [3, 3], [2, 2], [4, 5], [1, None], [None, None]])
    assert panel_figures(study, Scope.GOLDEN).images == tuple(image.pk for image in images[:2])
    assert panel_figures(study, Scope.ALL).images == tuple(image.pk for image in images[:4])


def test_an_empty_study_has_reasons_instead_of_figures(study: Study) -> None:
    assert panel_figures(study).agreement.reason == "Nobody counts in the panel yet."


@pytest.fixture
def panel(study: Study) -> list[Membership]:
    raters, images = add_raters(study, 3), add_images(study, 3, golden=3)
    answer_all(raters[:2], images, [[1, 2], [3, 3], [5, 4]])
    answer(raters[2], images[0], 5)
    return raters


def test_freezing_writes_values_and_who_counted_and_why(study: Study, panel: list[Membership]) -> None:
    version = freeze_figures(study, panel_figures(study, Scope.GOLDEN), audit.SYSTEM)
    assert list(version.values.order_by("image").values_list("value", "n", "spread")) == [
        (1.5, 2, pytest.approx(0.5**0.5)), (3.0, 2, 0.0), (4.5, 2, pytest.approx(0.5**0.5)),
    ]  # fmt: skip
    assert [(seat["code"], seat["counts"]) for seat in version.panel] == [("R01", True), ("R02", True), ("R03", False)]
    assert version.panel[2]["why"] == "answered 1 of 3 golden images" and "name" not in version.panel[2]
    assert len(version.golden) == 3


def test_live_figures_write_nothing(study: Study, panel: list[Membership]) -> None:
    panel_figures(study)
    assert not ConsensusVersion.objects.exists() and not Consensus.objects.exists()


def test_the_lead_can_include_and_exclude_with_a_reason(study: Study, panel: list[Membership], alice: User) -> None:
    override_seat(study, panel[2], True, "trained the others", audit.Actor(alice))
    override_seat(study, panel[0], False, "tried the keys", audit.Actor(alice))
    assert counting(study) == ["R02", "R03"]
    seat = panel_figures(study).seats[0]
    assert seat.overridden and seat.why == "answered 3 of 3 golden images; left out by the lead: tried the keys"
    assert AuditEvent.objects.filter(verb="panel.overridden", actor=alice).count() == 2


def test_an_override_goes_over_to_later_versions_until_the_rule_is_back(study: Study, panel: list[Membership]) -> None:
    override_seat(study, panel[0], False, "tried the keys", audit.SYSTEM)
    freeze_figures(study, panel_figures(study, Scope.GOLDEN), audit.SYSTEM)
    assert counting(study) == ["R02"]
    override_seat(study, panel[0], None, "", audit.SYSTEM)
    assert counting(study) == ["R01", "R02"]


def test_an_override_needs_a_reason_and_a_rater_of_this_study(
    study: Study, panel: list[Membership], alice: User
) -> None:
    with pytest.raises(ValidationError, match="Say why"):
        override_seat(study, panel[0], False, "  ", audit.SYSTEM)
    with pytest.raises(ValidationError, match="not a rater"):
        override_seat(study, Membership.objects.get(user=alice), True, "she knows best", audit.SYSTEM)
