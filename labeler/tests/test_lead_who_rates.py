"""What a lead who rates could work out of pages that name no golden image, and must not."""

import pytest
from django.db.models import F
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import reverse

from accounts import audit
from accounts.models import User
from jobs import lifecycle
from labeler import labelling
from labeler.clusters import merge
from labeler.gallery import undealt
from labeler.models import (
    Assignment,
    FoldItem,
    GoldenItem,
    Image,
    Membership,
    MembershipState,
    Role,
    Study,
)
from labeler.studies import add_member
from labeler.tests.running import add_images, raters_of, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def live(alice: User) -> Study:
    """A study that labels; Alice leads it and rates as R01, beside R02 and R03."""
    study = running(raters=3, training=(1,) * 30, golden=10)
    first = raters_of(study)[0]
    Membership.objects.filter(pk=first.pk).update(user=alice)
    add_member(study, Role.LEAD, user=alice, actor=audit.SYSTEM)
    return study


@pytest.fixture
def lead(client: Client, live: Study, alice: User) -> Client:
    client.force_login(alice)
    return client


def _text(answer: HttpResponseBase) -> str:
    assert not answer.streaming
    return answer.content.decode()  # type: ignore[attr-defined, no-any-return]


def _page(client: Client, name: str, study: Study, *more: int) -> str:
    return _text(client.get(reverse(name, args=[study.pk, *more])))


def _without_token(page: str) -> str:
    return "\n".join(line for line in page.splitlines() if "csrf" not in line)


def test_asking_what_a_drop_out_would_do_does_not_tell_what_was_just_shown(lead: Client, live: Study) -> None:
    """The images that would move are for training: the number tells of each image sent which kind it is."""
    seat = raters_of(live)[0]
    golden = set(GoldenItem.objects.values_list("image_id", flat=True))
    pages: dict[bool, set[str]] = {True: set(), False: set()}
    while {bool(told) for told in pages.values()} != {True}:
        image = Assignment.objects.filter(membership=seat, released_at=None).order_by("sort_key")[0].image_id
        before = _without_token(_page(lead, "member_withdraw", live, seat.pk))
        labelling.window(seat, 1)
        after = _without_token(_page(lead, "member_withdraw", live, seat.pk))
        pages[image in golden] |= {"changed" if before != after else "same"}
        Assignment.objects.filter(membership=seat, image=image).update(shown_seq=F("id"))
    assert pages == {True: {"same"}, False: {"same"}}


def test_asking_what_another_s_drop_out_would_do_does_not_tell_how_far_one_is(lead: Client, live: Study) -> None:
    """Who has golden images still to come gets the images of who leaves; so that they were all shown must not show."""
    mine, leaving, other = raters_of(live)
    before = _without_token(_page(lead, "member_withdraw", live, leaving.pk))
    golden = GoldenItem.objects.values("image")
    Assignment.objects.filter(membership=mine, image__in=golden).update(released_at=mine.created_at)
    assert _without_token(_page(lead, "member_withdraw", live, leaving.pk)) == before
    assert Membership.objects.get(pk=other.pk).state == MembershipState.ACTIVE


def test_asking_what_a_late_rater_would_take_does_not_tell_how_far_one_is(lead: Client, live: Study) -> None:
    golden = GoldenItem.objects.values("image")
    url, asked = reverse("study_members", args=[live.pk]), {"email": "late@example.org"}
    before = _without_token(_text(lead.post(url, asked)))
    Assignment.objects.exclude(image__in=golden).update(released_at=live.created_at)
    after = _without_token(_text(lead.post(url, asked)))
    assert "late@example.org would come late" in after and before == after
    assert "Every training image" in _text(lead.post(url, asked | {"confirmed": "1"}))
    assert not Membership.objects.filter(study=live, user__email="late@example.org").exists()


def test_a_new_picture_joined_to_another_does_not_tell_what_that_one_is(lead: Client, live: Study, alice: User) -> None:
    golden = GoldenItem.objects.filter(study=live)[0].image
    (late,) = add_images(live, (1,))
    before = _without_token(_page(lead, "study_golden", live))
    merge(live, {late.pk, golden.pk}, "the same face", actor=audit.Actor(alice))
    assert Image.objects.get(pk=late.pk).cluster == golden.cluster
    assert _without_token(_page(lead, "study_golden", live)) == before


@pytest.mark.parametrize("kind", ["grading.train_model", "labeler.import_grades"])
def test_work_that_tells_grades_is_closed_to_who_rates(lead: Client, live: Study, alice: User, kind: str) -> None:
    job = lifecycle.enqueue(kind, actor=audit.SYSTEM, study_id=live.pk)
    type(job).objects.filter(pk=job.pk).update(message="epoch 3, validation RMSE 0.512")
    for name in ("job", "job_status"):
        assert lead.get(reverse(name, args=[live.pk, job.pk])).status_code == 403
    assert "0.512" not in _page(lead, "study", live)
    Membership.objects.filter(study=live, user=alice, role=Role.RATER).update(state=MembershipState.WITHDRAWN)
    for name in ("job", "job_status"):
        assert "0.512" in _page(lead, name, live, job.pk)
    assert "0.512" in _page(lead, "study", live)


SIZES = ["study", "study_members", "study_assign", "study_golden", "study_close"]


@pytest.mark.parametrize("beside", ["golden", "training", "nothing"])
def test_no_page_tells_by_its_sizes_where_one_late_picture_went(
    lead: Client, live: Study, alice: User, beside: str
) -> None:
    """The lead knows the picture, so a larger golden set, or a longer queue of everybody's, would say what it is."""
    golden = GoldenItem.objects.filter(study=live)[0].image
    training = FoldItem.objects.filter(fold__membership=raters_of(live)[0])[0].image
    before: list[str] = []
    after: list[str] = []
    for _time in range(2):
        (late,) = add_images(live, (1,))
        mate = {"golden": golden, "training": training, "nothing": late}[beside]
        Image.objects.filter(pk=late.pk).update(cluster=mate.cluster)
        lead.post(reverse("deal_added", args=[live.pk]), {"mix": "own", "confirmed": "1"})
        assert Assignment.objects.filter(image=late).count() == {"golden": 3}.get(beside, 1)
        assert late.pk not in _undealt(live)
        before, after = after, [_sizes(_page(lead, name, live)) for name in SIZES]
    assert before == after


def test_the_overview_hides_sizes_only_from_who_rates(lead: Client, live: Study, alice: User) -> None:
    add_images(live, (1,))
    lead.post(reverse("deal_added", args=[live.pk]), {"mix": "own", "confirmed": "1"})
    for name in SIZES:
        assert ">10<" not in _page(lead, name, live)
    Membership.objects.filter(study=live, user=alice, role=Role.RATER).update(state=MembershipState.WITHDRAWN)
    assert "<dt>golden</dt>" in _page(lead, "study", live) and ">20<" in _page(lead, "study_members", live)


def _undealt(study: Study) -> set[int]:
    return set(Image.objects.filter(undealt(), study=study).values_list("pk", flat=True))


def _sizes(page: str) -> str:
    """The page without the number of images, which grows with each that comes."""
    lines = [line for line in _without_token(page).splitlines() if "images</dt>" not in line and "so far" not in line]
    return "\n".join(lines)
