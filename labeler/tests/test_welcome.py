"""The welcome before a rater's first image, and the practice in it."""

from __future__ import annotations

import json
import re
from collections.abc import Generator

import pytest
from django.test import Client
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts import audit
from accounts.models import AuditEvent, User
from labeler.models import Assignment, Label, Membership, Study, StudyState
from labeler.practice import add_item, finish_welcome
from labeler.studies import set_state
from labeler.tests.drawn import jpeg
from labeler.tests.factories import signed_in, start
from labeler.tests.label_browser import context_of

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    """A study with a welcome, and images for Bob."""
    Study.objects.filter(pk=bob_rates.study_id).update(welcome=True)
    return start(bob_rates, 3)


@pytest.fixture
def practice(study: Study) -> None:
    """Two pictures: Mild with a remark, Severe without."""
    add_item(study, jpeg(901), 3, remark="Look at the chin.", actor=audit.SYSTEM)
    add_item(study, jpeg(902), 5, actor=audit.SYSTEM)


@pytest.fixture
def client(bob: User) -> Client:
    return signed_in(bob)


def _url(name: str, study: Study) -> str:
    return reverse(name, args=[study.pk])


def test_a_rater_is_welcomed_before_the_first_image_and_only_then(
    client: Client, study: Study, dealt: list[Assignment], bob_rates: Membership
) -> None:
    assert client.get(_url("label", study))["Location"] == _url("label_welcome", study)
    assert not Assignment.objects.filter(released_at__isnull=False).exists()
    assert client.post(_url("label_welcome", study))["Location"] == _url("label", study)
    bob_rates.refresh_from_db()
    assert bob_rates.welcomed_at is not None
    assert client.get(_url("label", study)).status_code == 200
    assert client.get(_url("label_welcome", study)).status_code == 200


def test_without_the_switch_nobody_is_welcomed(client: Client, study: Study, bob_rates: Membership) -> None:
    start(bob_rates, 1)
    assert client.get(_url("label", study)).status_code == 200


def test_finishing_the_welcome_again_changes_nothing(bob_rates: Membership) -> None:
    assert finish_welcome(bob_rates, actor=audit.SYSTEM)
    first = bob_rates.welcomed_at
    assert not finish_welcome(Membership.objects.get(pk=bob_rates.pk), actor=audit.SYSTEM)
    bob_rates.refresh_from_db()
    assert bob_rates.welcomed_at == first
    assert AuditEvent.objects.filter(verb="member.welcomed").count() == 1


def test_where_no_grades_are_taken_the_page_says_so(client: Client, study: Study, dealt: list[Assignment]) -> None:
    set_state(study, StudyState.PAUSED, actor=audit.SYSTEM)
    for name in ("label", "label_welcome"):
        page = client.get(_url(name, study))
        assert page.status_code == 409 and "paused" in page.content.decode()


def test_the_welcome_tells_scale_keys_and_what_is_stored(client: Client, study: Study, dealt: list[Assignment]) -> None:
    text = client.get(_url("label_welcome", study)).content.decode()
    assert all(level.description in text for level in study.levels.all())
    assert "Alice" in text and "how long you took" in text
    assert "golden" not in text.lower() and "training" not in text.lower()
    assert "Practise" not in text  # there is nothing to practise on


def test_the_practice_tells_grade_and_remark_and_no_more(
    client: Client, study: Study, dealt: list[Assignment], practice: None
) -> None:
    text = client.get(_url("label_welcome", study)).content.decode()
    found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', text)
    assert found is not None
    items = json.loads(found[1])["practice"]
    assert [set(item) for item in items] == [{"picture", "value", "remark"}] * 2
    assert [(item["value"], item["remark"]) for item in items] == [(3, "Look at the chin."), (5, "")]
    sent = client.get(items[0]["picture"])
    assert sent["Cache-Control"] == "private, max-age=31536000, immutable"
    assert client.get(items[0]["picture"], headers={"If-None-Match": sent["ETag"]}).status_code == 304


def test_practice_pictures_are_for_who_is_in_the_study(
    study: Study, practice: None, bob_rates: Membership, bob: User, alice: User, mallory: User
) -> None:
    address = reverse("practice_picture", args=[study.pk, study.practice_items.get(order=1).pk])
    assert [signed_in(user).get(address).status_code for user in (bob, alice, mallory)] == [200, 200, 404]


@pytest.fixture
def context(
    chromium: Browser, live_server: LiveServer, bob: User, dealt: list[Assignment], practice: None
) -> Generator[BrowserContext, None, None]:
    with context_of(chromium, live_server, bob) as made:
        yield made


@pytest.fixture
def page(context: BrowserContext, study: Study) -> Page:
    made = context.new_page()
    made.goto(f"/studies/{study.pk}/label/")
    return made


@pytest.mark.django_db(transaction=True)
def test_practice_by_keyboard_tells_at_once_and_keeps_nothing(page: Page, bob_rates: Membership) -> None:
    page.get_by_role("button", name="Practise").press("Enter")
    expect(page.get_by_role("heading", name="Practice image 1 of 2")).to_be_focused()
    page.keyboard.press("3")
    expect(page.get_by_role("status").filter(has_text="Mild")).to_contain_text(
        "You chose Mild, which is the study’s grade too."
    )
    expect(page.locator("#practice-remark")).to_have_text("Look at the chin.")
    page.keyboard.press("1")  # an answer stands until the next image
    expect(page.locator("#practice-said")).to_contain_text("You chose Mild")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Practice image 2 of 2")).to_be_visible()
    expect(page.locator("#practice-remark")).to_be_empty()
    page.keyboard.press("4")
    expect(page.locator("#practice-said")).to_have_text("You chose Moderate; the study’s grade is Severe.")
    expect(page.locator(".level[data-meant]")).to_contain_text("Severe")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#practice-result")).to_have_text("Your grade was the study’s for 1 of 2.")
    page.get_by_role("button", name="Practise again").press("Enter")
    expect(page.get_by_role("heading", name="Practice image 1 of 2")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#practice")).not_to_be_visible()
    page.locator("main").get_by_role("button", name="Start grading").first.press("Enter")
    page.locator(".stage[data-painted=true]").wait_for()
    assert Membership.objects.get(pk=bob_rates.pk).welcomed_at is not None
    assert not Label.objects.exists()


def _practice_picture(page: Page) -> object:
    """Where it is, once it is there."""
    page.wait_for_function(
        "() => (({complete, naturalWidth}) => complete && naturalWidth)(document.getElementById('practice-picture'))"
    )
    return page.locator("#practice-picture").bounding_box()


@pytest.mark.django_db(transaction=True)
def test_practice_by_thumb_fits_a_phone_and_leads_to_the_images(
    chromium: Browser, live_server: LiveServer, bob: User, study: Study, dealt: list[Assignment], practice: None
) -> None:
    with context_of(chromium, live_server, bob, **PHONE) as context:
        page = context.new_page()
        page.goto(f"/studies/{study.pk}/label/")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_role("button", name="Practise").tap()
        expect(page.locator("#practice-picture")).to_be_visible()
        before = _practice_picture(page)
        for name in ("Clear", "Severe"):
            level = page.locator(".level", has=page.get_by_text(name, exact=True))
            box = level.bounding_box()
            assert box is not None and min(box["width"], box["height"]) >= 44 and box["y"] + box["height"] <= 844
            level.tap()
            expect(page.locator("#practice-said")).not_to_be_empty()
            # What is said doesn't move the image.
            assert _practice_picture(page) == before
            page.get_by_role("button", name="Next").tap()
            expect(page.locator("#practice-said")).to_be_empty()
        page.locator("#practice").get_by_role("button", name="Start grading").tap()
        page.locator(".stage[data-painted=true]").wait_for()
