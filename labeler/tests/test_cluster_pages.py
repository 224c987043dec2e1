"""The lead's pages about what belongs together: the search, the decisions, and conflicting grades."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from accounts.models import AuditEvent, User
from jobs.models import Job, JobState
from labeler.clusters import EXAMINE, not_searched, recluster, together
from labeler.importing_grades import import_grades
from labeler.models import (
    ClusterDecision,
    GoldenItem,
    GoldenSight,
    Image,
    ImageLink,
    ImageName,
    Membership,
    Role,
    Study,
    StudyState,
)
from labeler.studies import add_member
from labeler.tests.factories import make_image


def _make(study: Study, *numbers: int) -> list[Image]:
    images = [make_image(study, number) for number in numbers]
    ImageName.objects.bulk_create(
        ImageName(study=study, image=image, name=f"{number:02d}.jpg")
        for image, number in zip(images, numbers, strict=True)
    )
    return images


def _link(study: Study, first: Image, second: Image) -> None:
    ImageLink.objects.create(study=study, first=first, second=second, kind="duplicate", distance=0.1)


@pytest.fixture
def images(study: Study) -> list[Image]:
    """1 and 2 are near-duplicates, and so are 3 and 4; 5 is alone."""
    made = _make(study, 1, 2, 3, 4, 5)
    _link(study, *made[:2])
    _link(study, *made[2:4])
    recluster(study, actor=audit.SYSTEM)
    return made


def _post(client: Client, study: Study, name: str, **fields: Any) -> str:
    answer: Any = client.post(reverse(name, args=[study.pk]), fields, follow=True)
    return str(answer.content.decode())


def _page(client: Client, study: Study, **query: str) -> str:
    return client.get(reverse("study_clusters", args=[study.pk]), query).content.decode()


def test_what_was_not_searched_can_be_searched(client: Client, study: Study, alice: User) -> None:
    _make(study, 1, 2)
    client.force_login(alice)
    assert "2 images were not looked at yet" in _page(client, study)
    page = _post(client, study, "clusters_search")
    job = Job.objects.get()
    assert job.kind == EXAMINE and job.study_id == study.pk
    assert reverse("job_status", args=[study.pk, job.pk]) in page and "not looked at yet" not in page
    assert "under way already" in _post(client, study, "clusters_search") and Job.objects.count() == 1


def test_a_failed_search_says_why_and_can_be_asked_for_again(client: Client, study: Study, alice: User) -> None:
    _make(study, 1)
    Job.objects.create(kind=EXAMINE, study_id=study.pk, state=JobState.FAILED, error="The landmark model is missing.")
    client.force_login(alice)
    page = _page(client, study)
    assert "The landmark model is missing." in page and reverse("clusters_search", args=[study.pk]) in page


def test_going_on_without_a_search_needs_a_reason_and_is_written_down(
    client: Client, study: Study, alice: User
) -> None:
    _make(study, 1, 2)
    client.force_login(alice)
    assert "Say why" in _post(client, study, "clusters_skip", reason="  ")
    assert not_searched(study) == 2
    assert "2 pictures go on without a search" in _post(client, study, "clusters_skip", reason="drawn faces")
    assert not_searched(study) == 0
    event = AuditEvent.objects.get(verb="clusters.search_skipped")
    assert event.after == {"images": 2, "reason": "drawn faces"} and event.actor == alice
    assert "looked at already" in _post(client, study, "clusters_skip", reason="again")
    assert AuditEvent.objects.filter(verb="clusters.search_skipped").count() == 1


def test_clusters_are_shown_with_why_they_belong_together(
    client: Client, study: Study, alice: User, images: list[Image]
) -> None:
    client.force_login(alice)
    page = _page(client, study)
    assert "01.jpg and 02.jpg: near-duplicates" in page and "2 clusters of two or more pictures, 4 pictures" in page
    assert "05.jpg" not in page


def test_a_picture_is_split_off(client: Client, study: Study, alice: User, images: list[Image]) -> None:
    client.force_login(alice)
    page = _post(client, study, "clusters_decide", do="split", images=images[1].pk, reason="siblings")
    assert "Split off" in page and together(study) == [[images[2].pk, images[3].pk]]
    decision = ClusterDecision.objects.get()
    assert (decision.kind, decision.reason, decision.by) == ("split", "siblings", alice)


def test_clusters_and_single_pictures_are_merged(
    client: Client, study: Study, alice: User, images: list[Image]
) -> None:
    client.force_login(alice)
    clusters = [images[0].pk, images[2].pk]
    back = reverse("study_images", args=[study.pk])
    _post(client, study, "clusters_decide", do="merge", clusters=clusters, reason="one person", back=back)
    assert together(study) == [[image.pk for image in images[:4]]]
    _post(client, study, "clusters_decide", do="merge", images=[images[0].pk, images[4].pk], reason="she too")
    assert together(study) == [[image.pk for image in images]]


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"do": "merge", "reason": "x"}, "at least two"),
        ({"do": "split", "reason": "x"}, "Some of these images"),
        ({"do": "merge", "clusters": ["1", "2"], "reason": "x"}, "Some of these images"),
        ({"do": "merge", "clusters": ["1", "2"], "reason": ""}, "say why"),
        ({"do": "burn", "images": ["1"], "reason": "x"}, "say why"),
        ({"do": "merge", "clusters": ["x"], "reason": "x"}, "say why"),
    ],
)
def test_half_a_decision_is_none(
    client: Client, study: Study, alice: User, fields: dict[str, object], words: str
) -> None:
    client.force_login(alice)
    fields = {**fields, "back": "https://evil.example/"}
    page = _post(client, study, "clusters_decide", **fields)
    assert words in page and "Duplicates and persons" in page
    assert not ClusterDecision.objects.exists()


def test_many_clusters_come_a_page_at_a_time(client: Client, study: Study, alice: User) -> None:
    images = _make(study, *range(1, 47))
    for first, second in zip(images[::2], images[1::2], strict=True):
        _link(study, first, second)
    recluster(study, actor=audit.SYSTEM)
    client.force_login(alice)
    one, two = _page(client, study), _page(client, study, page="2")
    assert "01.jpg" in one and "41.jpg" not in one and "page=2" in one
    assert "41.jpg" in two and "01.jpg" not in two
    assert "41.jpg" in _page(client, study, page="999") and "01.jpg" in _page(client, study, page="x")


def _conflicts(client: Client, study: Study) -> Any:
    return client.get(reverse("study_conflicts", args=[study.pk]))


def test_near_duplicates_with_conflicting_grades_are_listed(
    client: Client, study: Study, alice: User, images: list[Image]
) -> None:
    rows = b"image,rater,grade\n01.jpg,E,1\n02.jpg,F,4\n03.jpg,E,2\n04.jpg,F,3\n"
    import_grades(study, "g.csv", rows, actor=audit.SYSTEM)
    client.force_login(alice)
    page = _conflicts(client, study).content.decode()
    assert "3 levels apart" in page and "Clear (1), by R01" in page and "Moderate (4), by R02" in page
    assert "03.jpg" not in page


def test_conflicts_with_their_raters_are_for_who_knows_the_golden_set(
    client: Client, study: Study, alice: User, images: list[Image]
) -> None:
    """A cluster has one rater, so two raters on one show that everybody graded it."""
    GoldenItem.objects.bulk_create(GoldenItem(study=study, image=image) for image in images[:2])
    import_grades(study, "g.csv", b"image,rater,grade\n01.jpg,E,1\n02.jpg,F,4\n", actor=audit.SYSTEM)
    client.force_login(alice)
    page = _conflicts(client, study).content.decode()
    assert "by R01" not in page and "can’t rate" in page and not GoldenSight.objects.exists()
    page = _post(client, study, "golden_open", to="conflicts")
    assert "by R01" in page and GoldenSight.objects.get().user == alice


def test_a_lead_who_rates_sees_no_grades_before_the_close(
    client: Client, study: Study, alice: User, images: list[Image], bob_rates: Membership
) -> None:
    add_member(study, Role.RATER, user=alice, actor=audit.SYSTEM)
    client.force_login(alice)
    assert _conflicts(client, study).status_code == 403
    assert client.get(reverse("study_clusters", args=[study.pk])).status_code == 200
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED)
    assert _conflicts(client, study).status_code == 200


def test_conflicts_take_as_many_queries_for_many_as_for_few(
    client: Client, study: Study, alice: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    images = _make(study, *range(1, 13))
    client.force_login(alice)
    for place in range(0, 12, 2):
        _link(study, images[place], images[place + 1])
        grades = f"image,rater,grade\n{place + 1:02d}.jpg,E,1\n{place + 2:02d}.jpg,F,5\n"
        import_grades(study, "g.csv", grades.encode(), actor=audit.SYSTEM)
        with django_assert_num_queries(8):
            assert len(_conflicts(client, study).context["rows"]) == place // 2 + 1
