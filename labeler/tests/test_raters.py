"""Who may rate, and how raters come, leave and get their link."""

import re

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEvent, User
from labeler import golden
from labeler.assignment import assign
from labeler.models import Fold, Membership, MembershipState, Role, Sight, Study, StudyState
from labeler.overview import overview
from labeler.prescreening import overrule
from labeler.raters import KnowsGolden, add_rater, admit_rater, admitted, renew_link
from labeler.sight import rates_blindly, record_sight
from labeler.studies import add_member, create_study, set_state
from labeler.tests.running import add_images, raters_of, running, told

pytestmark = pytest.mark.django_db


def _led(study: Study, lead: User) -> Study:
    add_member(study, Role.LEAD, user=lead, actor=audit.SYSTEM)
    return study


# Who comes in


def test_a_lead_who_has_not_seen_the_golden_set_may_rate(study: Study, alice: User) -> None:
    added = add_rater(study, "alice@example.org", actor=Actor(alice))
    assert added.membership.code == "R01" and rates_blindly(study, alice)


def test_a_lead_who_has_seen_it_may_not(study: Study, alice: User) -> None:
    record_sight(study, Sight.CHOSE, Actor(alice))
    with pytest.raises(KnowsGolden, match="chose golden images"):
        add_rater(study, "alice@example.org", actor=Actor(alice))
    assert not Membership.objects.filter(role=Role.RATER).exists()


def test_a_lead_rates_only_where_the_golden_set_is_drawn(study: Study, alice: User, bob: User) -> None:
    """While a study is set up, a lead sees counts change with what they reject: so they find out what was chosen."""
    images = add_images(study, (1,) * 30)
    _led(study, bob)
    add_rater(study, "alice@example.org", actor=Actor(alice))
    golden.choose(study, [image.pk for image in images[:5]], actor=Actor(bob))
    seen = overview(study).golden
    overrule(study, [images[0].pk], False, "blurred", actor=Actor(alice))
    assert overview(study).golden == seen - 1, "this is how"
    overrule(study, [images[0].pk], True, "no", actor=Actor(alice))
    with pytest.raises(ValidationError, match="needs a golden set that is drawn"):
        assign(study, actor=audit.SYSTEM)
    golden.unchoose(study, [image.pk for image in images[:5]], actor=Actor(bob))
    golden.plan_draw(study, 5, "", actor=Actor(alice))
    assign(study, actor=audit.SYSTEM)
    assert rates_blindly(study, alice)


def test_a_lead_of_a_chosen_golden_set_comes_late_by_admission_only(study: Study, alice: User, bob: User) -> None:
    images = add_images(study, (1,) * 30)
    _led(study, bob)
    add_rater(study, "carl@example.org", actor=audit.SYSTEM)
    golden.choose(study, [image.pk for image in images[:5]], actor=audit.SYSTEM)
    assign(study, actor=audit.SYSTEM)
    with pytest.raises(KnowsGolden, match="was chosen and not drawn"):
        add_rater(study, bob.email, actor=Actor(alice))
    assert admit_rater(study, bob.email, "nobody else", actor=Actor(alice)).membership.admitted_reason == "nobody else"


def test_who_dropped_out_stays_out(study: Study, bob: User, bob_rates: Membership) -> None:
    Membership.objects.filter(pk=bob_rates.pk).update(state=MembershipState.WITHDRAWN)
    with pytest.raises(ValidationError, match="dropped out"):
        add_rater(study, bob.email, actor=audit.SYSTEM)


def test_a_closed_study_takes_nobody(study: Study) -> None:
    set_state(study, StudyState.CLOSED, actor=audit.SYSTEM)
    with pytest.raises(ValidationError, match="takes no more raters"):
        add_rater(study, "new@example.org", actor=audit.SYSTEM)
    assert not User.objects.filter(email="new@example.org").exists()


def test_who_comes_late_has_images_at_once(db: None) -> None:
    study = running(raters=3, training=(1,) * 30)
    added = add_rater(study, "late@example.org", actor=audit.SYSTEM)
    assert added.plan is not None and added.plan.fold == 7 and added.link
    assert Fold.objects.get(membership=added.membership).items.count() == 7


def test_who_can_not_be_given_images_is_not_added_either(db: None) -> None:
    study = running(raters=1, training=(1,), golden=3)
    with pytest.raises(ValidationError, match="golden set alone"):
        study_members = Membership.objects.filter(study=study).count()
        add_rater(study, "late@example.org", actor=audit.SYSTEM)
    assert Membership.objects.filter(study=study).count() == study_members
    assert not User.objects.filter(email="late@example.org").exists()


# Who is admitted


def test_an_admission_is_written_down_with_its_reason(study: Study, alice: User, bob: User) -> None:
    add_member(study, Role.LEAD, user=bob, actor=audit.SYSTEM)
    record_sight(study, Sight.OPENED, Actor(bob))
    added = admit_rater(study, "bob@example.org", "the only dermatologist on site", actor=Actor(alice))
    (seat,) = admitted(study)
    assert seat == added.membership
    assert (seat.admitted_reason, seat.admitted_by) == ("the only dermatologist on site", alice)
    assert not rates_blindly(study, bob)
    assert told("rater.admitted")["reason"] == "the only dermatologist on site"


def test_an_administrator_admits_too(study: Study, root: User, bob: User) -> None:
    record_sight(study, Sight.OPENED, Actor(bob))
    assert admit_rater(study, bob.email, "needed", actor=Actor(root)).membership.admitted_by == root


@pytest.mark.parametrize(
    ("who", "email", "reason", "problem"),
    [
        ("bob", "bob@example.org", "needed", "Nobody admits themselves"),
        ("mallory", "bob@example.org", "needed", "lead of the study or an administrator"),
        ("alice", "bob@example.org", "  ", "Say why"),
        ("alice", "bob@example.org", "x" * 301, "At most 300"),
        ("alice", "mallory@example.org", "needed", "has not seen the golden set"),
        ("alice", "nobody@example.org", "needed", "no account"),
    ],
)
def test_an_admission_that_is_refused(
    study: Study, alice: User, bob: User, mallory: User, who: str, email: str, reason: str, problem: str
) -> None:
    _led(study, bob)
    record_sight(study, Sight.OPENED, Actor(bob))
    actor = Actor({"alice": alice, "bob": bob, "mallory": mallory}[who])
    with pytest.raises(ValidationError, match=problem):
        admit_rater(study, email, reason, actor=actor)
    assert not Membership.objects.filter(role=Role.RATER).exists()


# Who lost their link


def test_a_new_link_is_for_who_never_signed_in(study: Study, client: Client) -> None:
    first = add_rater(study, "new@example.org", actor=audit.SYSTEM)
    link = renew_link(first.membership, actor=audit.SYSTEM)
    page = client.get(link.removeprefix("http://testserver"), follow=True)
    assert page.status_code == 200 and b"password1" in page.content
    assert AuditEvent.objects.filter(verb="rater.link_renewed").count() == 1


def test_no_link_into_an_account_that_is_used_elsewhere(
    study: Study, root: User, bob: User, bob_rates: Membership
) -> None:
    seat = add_rater(study, "new@example.org", actor=audit.SYSTEM).membership
    assert seat.user is not None
    other = create_study("Another", actor=audit.SYSTEM, lead=root)
    elsewhere = add_member(other, Role.RATER, user=seat.user, actor=audit.SYSTEM)
    for refused in (seat, elsewhere, bob_rates):
        with pytest.raises(ValidationError, match="never signed in"):
            renew_link(refused, actor=audit.SYSTEM)


# The page


def test_a_new_raters_link_is_shown_once_and_made_anew(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    url = reverse("study_members", args=[study.pk])
    assert "password/reset/key" in client.post(url, {"email": "new@example.org", "name": "New"}).content.decode()
    page = client.get(url).content.decode()
    assert "new@example.org" in page and "password/reset/key" not in page and "never signed in" in page
    seat = Membership.objects.get(code="R01", study=study)
    again = client.post(reverse("member_link", args=[study.pk, seat.pk])).content.decode()
    assert "password/reset/key" in again


@pytest.mark.parametrize(
    ("email", "problem"), [("alice@example.org", "so can’t rate this study blindly"), ("bob@example.org", "already")]
)
def test_a_rater_who_can_not_be_added(
    client: Client, study: Study, alice: User, bob_rates: Membership, email: str, problem: str
) -> None:
    record_sight(study, Sight.OPENED, Actor(alice))
    client.force_login(alice)
    assert problem in client.post(reverse("study_members", args=[study.pk]), {"email": email}).content.decode()
    assert Membership.objects.filter(role=Role.RATER).count() == 1


def test_a_late_rater_is_added_after_a_look_at_the_numbers(client: Client, alice: User) -> None:
    study = _led(running(raters=3, training=(1,) * 30), alice)
    client.force_login(alice)
    url = reverse("study_members", args=[study.pk])
    looked = client.post(url, {"email": "late@example.org", "name": ""}).content.decode()
    assert "7 training images" in looked and len(raters_of(study)) == 3
    fields = dict(re.findall(r'<input type="hidden" name="(email|name)"(?: value="([^"]*)")?', looked))
    done = client.post(url, {**fields, "confirmed": "1"}).content.decode()
    assert "late@example.org is rater R04. 7 training images came from the others" in done
    assert Fold.objects.get(membership__code="R04").items.count() == 7


def test_a_rater_drops_out_after_a_look_at_the_numbers(client: Client, alice: User) -> None:
    study = _led(running(raters=3, training=(1,) * 30), alice)
    client.force_login(alice)
    seat = raters_of(study)[0]
    assert (
        reverse("member_withdraw", args=[study.pk, seat.pk])
        in client.get(reverse("study_members", args=[study.pk])).content.decode()
    )
    url = reverse("member_withdraw", args=[study.pk, seat.pk])
    page = client.get(url).content.decode()
    assert "10 training images" in page and "R02" in page
    assert "This field is required" in client.post(url, {"reason": ""}).content.decode()
    page = client.post(url, {"reason": "moved away"}, follow=True).content.decode()
    assert "R01 has dropped out. 10 images went to the others." in page and "moved away" in page
    assert client.get(url).status_code == 404


def test_an_admission_is_shown_wherever_figures_are(client: Client, study: Study, alice: User, bob: User) -> None:
    record_sight(study, Sight.OPENED, Actor(bob))
    client.force_login(alice)
    url = reverse("member_admit", args=[study.pk])
    assert "Nobody admits themselves" in client.post(url, {"email": alice.email, "reason": "x"}).content.decode()
    client.post(url, {"email": bob.email, "reason": "nobody else could"})
    for name in ("study_members", "results"):
        page = client.get(reverse(name, args=[study.pk])).content.decode()
        assert "has seen the golden set and rates nevertheless, admitted by Alice: nobody else could" in page


@pytest.mark.parametrize("name", ["member_withdraw", "member_link"])
def test_seats_of_other_studies_are_not_there(client: Client, study: Study, alice: User, name: str) -> None:
    other = running(raters=1)
    client.force_login(alice)
    assert client.post(reverse(name, args=[study.pk, raters_of(other)[0].pk]), {"reason": "x"}).status_code == 404


def test_the_page_takes_as_many_queries_for_many_raters_as_for_few(
    client: Client, study: Study, alice: User, bob_rates: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(alice)
    url = reverse("study_members", args=[study.pk])
    with django_assert_num_queries(5):  # user, lead, members, progress, sights
        client.get(url)
    for place in range(4):
        add_rater(study, f"{place}@example.org", actor=audit.SYSTEM)
    with django_assert_num_queries(5):
        client.get(url)
