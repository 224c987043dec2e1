"""The lead's pages that show pictures: who gets in, what they show, and what they never tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from accounts.models import User
from labeler import file_store
from labeler.clusters import recluster
from labeler.importing import add_image
from labeler.models import Examination, GoldenItem, Image, Membership, Role, Study, StudyState
from labeler.prescreening import overrule, set_thresholds
from labeler.studies import add_member
from labeler.tests.drawn import jpeg
from labeler.tests.factories import deal
from labeler.thresholds import Thresholds
from mlcore.images import decode

PAGES = ["study_images", "images_rejected", "study_clusters", "study_conflicts"]
OF_ONE = ["image", "image_thumbnail", "image_full"]
ACTIONS = ["images_overrule", "images_thresholds", "clusters_search", "clusters_skip", "clusters_decide"]
ERASED = {"sha256": None, "perceptual_hash": None, "original": "", "erased_reason": "withdrew consent"}


def _add(study: Study, *numbers: int, **facts: Any) -> list[Image]:
    return [
        add_image(study, f"{number:02d}.jpg", jpeg(number), actor=audit.SYSTEM, **facts).image for number in numbers
    ]


def _url(name: str, study: Study, image: Image) -> str:
    return reverse(name, args=[study.pk, image.pk] if name in OF_ONE else [study.pk])


def _page(client: Client, name: str, *arguments: int, **query: str) -> str:
    return client.get(reverse(name, args=arguments), query).content.decode()


@pytest.mark.parametrize(
    "method, name", [("get", name) for name in PAGES + OF_ONE] + [("post", name) for name in ACTIONS]
)
def test_only_the_lead_gets_in(
    client: Client, method: str, name: str, study: Study, alice: User, bob_rates: Membership, mallory: User
) -> None:
    ask: Callable[[str], HttpResponse] = getattr(client, method)
    url = _url(name, study, *_add(study, 1))
    assert ask(url).status_code == 302 and ask(url)["Location"].startswith("/accounts/login/")
    for stranger in (mallory, bob_rates.user):
        assert stranger is not None
        client.force_login(stranger)
        assert ask(url).status_code == 404
    client.force_login(alice)
    answer = ask(url)
    assert answer.status_code == (200 if method == "get" else 302)
    assert answer["Cache-Control"] == ("private, no-cache" if name in OF_ONE[1:] else "no-store")
    other = "post" if method == "get" else "get"
    assert getattr(client, other)(url).status_code == 405


@pytest.mark.parametrize("name", OF_ONE)
def test_a_lead_sees_no_picture_of_another_study(client: Client, study: Study, alice: User, name: str) -> None:
    (elsewhere,) = _add(Study.objects.create(name="Another", prescreen=study.prescreen), 1)
    client.force_login(alice)
    assert client.get(reverse(name, args=[study.pk, elsewhere.pk])).status_code == 404


def test_no_page_tells_which_images_are_golden(client: Client, study: Study, alice: User) -> None:
    golden, training = _add(study, 1, 2)
    recluster(study, actor=audit.SYSTEM)
    client.force_login(alice)
    # The list of conflicting grades does tell, and is for who knows: see the tests of clusters' pages.
    names = [name for name in [*PAGES, *OF_ONE] if name != "study_conflicts"]
    urls = [_url(name, study, image) for name in names for image in (golden, training)]
    before = [_bare(client.get(url)) for url in urls]
    GoldenItem.objects.create(study=study, image=golden)
    with CaptureQueriesContext(connection) as asked:
        assert [_bare(client.get(url)) for url in urls] == before
    assert len(asked) > len(urls) and not any("goldenitem" in query["sql"] for query in asked)


def _bare(answer: Any) -> bytes:
    """The page without what differs with every request."""
    return b"\n".join(line for line in answer.content.splitlines() if b"csrfmiddlewaretoken" not in line)


def test_pictures_are_listed_by_name_a_page_at_a_time(client: Client, study: Study, alice: User) -> None:
    _add(study, *range(50, 0, -1))
    client.force_login(alice)
    first = _page(client, "study_images", study.pk, q=".jpg")
    assert first.index("01.jpg") < first.index("02.jpg") < first.index("48.jpg") and "49.jpg" not in first
    assert "50 images, 1 to 48 shown" in first and "?q=.jpg&amp;page=2" in first
    second = _page(client, "study_images", study.pk, q=".jpg", page="2")
    assert "49.jpg" in second and "01.jpg" not in second


def _names(client: Client, study: Study, **query: str) -> list[str]:
    page = client.get(reverse("study_images", args=[study.pk]), query).context["page"]
    return [name.name for name in page]


def test_pictures_are_found_by_state_and_by_any_of_their_names(
    client: Client, study: Study, alice: User, bob_rates: Membership
) -> None:
    images = _add(study, 1, 2, 3, 4)
    add_image(study, "copy of one.jpg", jpeg(1), actor=audit.SYSTEM)
    overrule(study, [images[0].pk, images[1].pk], False, "a poster", actor=audit.SYSTEM)
    overrule(study, [images[1].pk], True, "a face after all", actor=audit.SYSTEM)
    Examination.objects.create(image=images[2], faces=1, examiner="test")
    deal(bob_rates, images[2:])
    client.force_login(alice)
    assert _names(client, study) == ["01.jpg", "02.jpg", "03.jpg", "04.jpg"]
    assert _names(client, study, show="rejected") == ["01.jpg"]
    assert _names(client, study, show="kept") == ["02.jpg"]
    assert _names(client, study, show="unexamined") == ["01.jpg", "02.jpg", "04.jpg"]
    assert _names(client, study, show="undealt") == ["01.jpg", "02.jpg"]
    assert _names(client, study, q="COPY of") == ["01.jpg"]
    assert _names(client, study, show="kept", q="01") == []
    assert _names(client, study, show="nonsense", q="\x00") == ["01.jpg", "02.jpg", "03.jpg", "04.jpg"]


def test_a_thumbnail_is_small_made_once_and_asked_for_once(client: Client, study: Study, alice: User) -> None:
    (image,) = [add_image(study, "x.jpg", jpeg(1, width=900, height=600), actor=audit.SYSTEM).image]
    client.force_login(alice)
    url = reverse("image_thumbnail", args=[study.pk, image.pk])
    answer = client.get(url)
    assert answer["Content-Type"] == "image/jpeg" and decode(answer.content).shape == (160, 240, 3)
    kept = file_store.path_of(file_store.thumbnail_path(study.pk, image.sha256 or ""))
    assert kept.read_bytes() == answer.content and "/thumbnails/" in str(kept)
    kept.write_bytes(b"as kept")
    assert client.get(url).content == b"as kept"
    again = client.get(url, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    full = client.get(reverse("image_full", args=[study.pk, image.pk]))
    assert full.content == file_store.read(image.rendition.path) and full["ETag"] != answer["ETag"]


def test_an_erased_picture_is_not_shown_even_where_a_copy_is_left(client: Client, study: Study, alice: User) -> None:
    (image,) = _add(study, 1)
    client.force_login(alice)
    urls = [reverse(name, args=[study.pk, image.pk]) for name in ("image_thumbnail", "image_full")]
    tags = [client.get(url)["ETag"] for url in urls]
    Image.objects.filter(pk=image.pk).update(erased_at="2024-01-01T00:00Z", **ERASED)
    for url, tag in zip(urls, tags, strict=True):
        assert client.get(url).status_code == 404
        assert client.get(url, headers={"If-None-Match": tag}).status_code == 404
    pages = [_page(client, "study_images", study.pk), _page(client, "image", study.pk, image.pk)]
    assert all("withdrew consent" in page and "<img" not in page.partition("<main")[2] for page in pages)


def test_a_lost_file_is_a_missing_picture(client: Client, study: Study, alice: User) -> None:
    (image,) = _add(study, 1)
    file_store.path_of(image.rendition.path).unlink()
    client.force_login(alice)
    for name in ("image_thumbnail", "image_full"):
        assert client.get(reverse(name, args=[study.pk, image.pk])).status_code == 404


def test_one_picture_tells_its_figures_names_and_decisions(client: Client, study: Study, alice: User) -> None:
    (image,) = _add(study, 1, metadata={"clinic": "North"}, person="P7")
    add_image(study, "second.jpg", jpeg(1), actor=audit.SYSTEM)
    set_thresholds(study, Thresholds(least_side=100, least_sharpness=None), actor=audit.SYSTEM)
    overrule(study, [image.pk], True, "small but sharp", actor=audit.Actor(alice))
    client.force_login(alice)
    page = _page(client, "image", study.pk, image.pk)
    for words in ("Too few pixels: shorter side 72 pixels, asked at least 100.", "Kept nevertheless", "North", "P7"):
        assert words in page
    assert "kept nevertheless by Alice. small but sharp" in page and "second.jpg" in page


def test_a_lead_who_rates_sees_no_column_of_the_table(
    client: Client, study: Study, alice: User, bob_rates: Membership
) -> None:
    (image,) = _add(study, 1, metadata={"reference_level": "grade four"})
    add_member(study, Role.RATER, user=alice, actor=audit.SYSTEM)
    client.force_login(alice)
    page = _page(client, "image", study.pk, image.pk)
    assert "grade four" not in page and "stay closed to you" in page
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED)
    assert "grade four" in _page(client, "image", study.pk, image.pk)


def test_what_belongs_together_is_shown_with_a_picture(client: Client, study: Study, alice: User) -> None:
    first, _ = _add(study, 1, 2, person="P1")
    _add(study, 3)
    recluster(study, actor=audit.SYSTEM)
    client.force_login(alice)
    page = _page(client, "image", study.pk, first.pk)
    assert "Belongs together with" in page and "02.jpg" in page and "03.jpg" not in page


def test_rejected_pictures_are_grouped_by_reason(client: Client, study: Study, alice: User) -> None:
    images = _add(study, *range(1, 17))
    set_thresholds(study, Thresholds(least_side=100, least_sharpness=None), actor=audit.SYSTEM)
    overrule(study, [images[0].pk], True, "sharp", actor=audit.SYSTEM)
    client.force_login(alice)
    groups = client.get(reverse("images_rejected", args=[study.pk])).context["groups"]
    assert [(group.title, group.count, len(group.pictures)) for group in groups] == [
        ("Too few pixels", 15, 12),
        ("Kept nevertheless", 1, 1),
    ]
    page = _page(client, "images_rejected", study.pk)
    assert "shorter side 72 pixels, asked at least 100" in page and "Show all 15: Too few pixels" in page
    alone = client.get(reverse("images_rejected", args=[study.pk]), {"rule": "small"})
    assert len(alone.context["page"]) == 15 and "01.jpg" not in alone.content.decode()
    assert _page(client, "images_rejected", study.pk, rule="nonsense") != ""


def _thresholds(**asked: str) -> dict[str, str]:
    return {"least_side": "", "least_brightness": "", "most_bright": "", "least_sharpness": "", **asked}


def test_thresholds_are_previewed_before_they_are_set(client: Client, study: Study, alice: User) -> None:
    _add(study, 1, 2, 3)
    client.force_login(alice)
    url = reverse("images_thresholds", args=[study.pk])
    page = client.post(url, _thresholds(least_side="100", preview="1")).content.decode()
    assert "<strong>3 of 3</strong>" in page and "3 too few pixels" in page and 'value="100"' in page
    assert not Image.objects.exclude(rejected_reason="").exists()
    answer = client.post(url, _thresholds(least_side="100", most_bright="55"), follow=True)
    assert "3 of 3 pictures are rejected" in answer.content.decode()
    study.refresh_from_db()
    asked = Thresholds.from_stored(study.prescreen)
    assert (asked.least_side, asked.most_bright, asked.least_brightness) == (100, 0.55, None)
    form = client.get(reverse("images_rejected", args=[study.pk])).content.decode()
    assert 'name="most_bright" value="55"' in form


def test_thresholds_that_can_not_be_are_refused(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    url = reverse("images_thresholds", args=[study.pk])
    page = client.post(url, _thresholds(most_bright="101")).content.decode()
    assert "less than or equal to 100" in page
    before = study.prescreen
    study.refresh_from_db()
    assert study.prescreen == before


def _overrule(client: Client, study: Study, **fields: Any) -> Any:
    return client.post(reverse("images_overrule", args=[study.pk]), fields, follow=True)


def test_the_lead_decides_about_several_pictures_at_once(client: Client, study: Study, alice: User) -> None:
    images = _add(study, 1, 2, 3)
    client.force_login(alice)
    chosen = [images[0].pk, images[2].pk]
    back = reverse("study_images", args=[study.pk]) + "?show=rejected"
    answer = _overrule(client, study, images=chosen, verdict="reject", reason="posters", back=back)
    assert answer.redirect_chain == [(back, 302)] and "2 pictures rejected." in answer.content.decode()
    assert set(Image.objects.filter(rejected_code="lead").values_list("pk", flat=True)) == set(chosen)
    _overrule(client, study, images=chosen[0], verdict="keep", reason="a face", back="https://evil.example/")
    assert Image.objects.filter(rejection_overridden_at__isnull=False).get().pk == chosen[0]


@pytest.mark.parametrize(
    "fields",
    [
        {"verdict": "reject", "reason": "x"},
        {"images": "1; drop", "verdict": "reject", "reason": "x"},
        {"images": "1", "verdict": "reject", "reason": ""},
        {"images": "1", "verdict": "burn", "reason": "x"},
        {"images": "999999999", "verdict": "reject", "reason": "x"},
        {"images": "9" * 30, "verdict": "reject", "reason": "x"},
    ],
)
def test_half_a_decision_is_none(client: Client, study: Study, alice: User, fields: dict[str, str]) -> None:
    _add(study, 1)
    client.force_login(alice)
    answer = _overrule(client, study, back="https://evil.example/", **fields)
    assert answer.redirect_chain == [(reverse("study_images", args=[study.pk]), 302)]
    assert 'class="notice error"' in answer.content.decode()
    assert not Image.objects.exclude(rejected_reason="").exists()


def test_a_closed_study_offers_no_decision(client: Client, study: Study, alice: User) -> None:
    (image,) = _add(study, 1)
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED)
    client.force_login(alice)
    pages = [_page(client, name, study.pk) for name in ("study_images", "images_rejected", "study_clusters")]
    for page in [*pages, _page(client, "image", study.pk, image.pk)]:
        assert 'name="verdict"' not in page and 'name="do"' not in page and "judge all anew" not in page
        assert reverse("clusters_search", args=[study.pk]) not in page
    assert "closed study" in _overrule(client, study, images=image.pk, verdict="reject", reason="x").content.decode()


# Two of the queries are always the signed-in user and the membership.
@pytest.mark.parametrize(
    "name, queries", [("study_images", 4), ("images_rejected", 5), ("study_clusters", 10), ("image", 8)]
)
def test_pages_take_as_many_queries_for_many_as_for_few(
    client: Client,
    study: Study,
    alice: User,
    name: str,
    queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client.force_login(alice)
    (image, _) = _add(study, 1, 2, person="P1")
    set_thresholds(study, Thresholds(least_side=100), actor=audit.SYSTEM)
    overrule(study, [image.pk], True, "x", actor=audit.SYSTEM)
    recluster(study, actor=audit.SYSTEM)
    with django_assert_num_queries(queries):
        client.get(_url(name, study, image))
    _add(study, *range(3, 9), person="P1")
    _add(study, *range(9, 12), person="P2")
    set_thresholds(study, Thresholds(least_side=90), actor=audit.SYSTEM)
    recluster(study, actor=audit.SYSTEM)
    with django_assert_num_queries(queries):
        client.get(_url(name, study, image))
