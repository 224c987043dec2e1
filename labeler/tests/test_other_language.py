"""Every page that a rater sees, and every sentence that its script says, comes from the catalogue."""

from __future__ import annotations

import json
import re
from calendar import month_name
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import audit
from accounts.models import User
from accounts.users import link_entra, set_password_url
from labeler import labelling
from labeler.answering import answer_all
from labeler.models import Assignment, Flag, Membership, Study, StudyState
from labeler.page_words import WORDS
from labeler.practice import add_item
from labeler.studies import set_state
from labeler.tests import pseudo_language
from labeler.tests.drawn import jpeg
from labeler.tests.factories import grade, message, signed_in, start
from labeler.tests.running import raters_of, running

# What is in no language: the product, the cast, their study and its scale.
NAMES = {"Goldfold", "Acne in selfies", "Alice", "Bob", "Mallory", "bob@example.org", "mallory@example.org"}


@pytest.fixture(autouse=True)
def in_another_language(settings: LazySettings, tmp_path: Path) -> None:
    pseudo_language.install(settings.BASE_DIR / "locale/en/LC_MESSAGES/django.po", tmp_path)
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGE_CODE = pseudo_language.CODE


@pytest.fixture
def client(bob: User) -> Client:
    return signed_in(bob)


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    return start(bob_rates, 6)


@pytest.fixture
def names(study: Study) -> set[str]:
    scale = study.levels.values_list("name", "description")
    return NAMES | {word for row in scale for word in row if word}


Opened = Callable[..., str]


@pytest.fixture
def opened(names: set[str]) -> Opened:
    """Opens an address, and holds that nothing on its page is in no catalogue."""

    def open_it(client: Client, address: str, status: int = 200) -> str:
        response = client.get(address, follow=True)
        page = response.content.decode()
        assert response.status_code == status, page
        assert '<html lang="xx">' in page
        assert pseudo_language.untranslated(page, names) == []
        return page

    return open_it


def test_an_english_sentence_in_a_page_would_be_found() -> None:
    page = '<h1>⟦Good⟧ morning</h1><p title="Now">⟦Set <b>this</b>⟧ 3 × <kbd>Enter</kbd>Bob</p><script>var x</script>'
    assert pseudo_language.untranslated(page, {"Bob"}) == ["morning", "Now"]


def test_before_somebody_is_signed_in(client: Client, bob: User, opened: Opened, db: None) -> None:
    stranger = Client()
    for name in ("account_login", "account_inactive", "account_reset_password", "account_reset_password_done"):
        assert "⟦" in opened(stranger, reverse(name))
    opened(stranger, reverse("account_reset_password_from_key_done"))
    opened(stranger, reverse("account_signup"), 403)
    assert "⟦Choose a password⟧" in opened(stranger, set_password_url(bob).partition("127.0.0.1:8000")[2])
    opened(stranger, reverse("account_reset_password_from_key", args=["1", "worn-out"]))


def test_mails(bob: User, settings: LazySettings) -> None:
    for email in (bob.email, "nobody@example.org"):
        Client().post(reverse("account_reset_password"), {"email": email})
    link_entra(bob, uuid4(), uuid4(), actor=audit.SYSTEM)
    Client().post(reverse("account_reset_password"), {"email": bob.email})
    assert [one.subject.count("⟦") for one in mail.outbox] == [1, 1, 1]
    assert all(one.body.strip().startswith("⟦") and one.body.strip().endswith("⟧") for one in mail.outbox)


def test_the_account_and_its_ways_out(client: Client, opened: Opened) -> None:
    for name in ("account", "account_change_password", "account_logout"):
        opened(client, reverse(name))


def test_faults(client: Client, opened: Opened) -> None:
    opened(client, "/nowhere/", 404)
    refused = Client(enforce_csrf_checks=True).post(reverse("account_login"))
    assert refused.status_code == 403 and pseudo_language.untranslated(refused.content.decode(), NAMES) == []


def test_the_welcome_and_its_practice(client: Client, study: Study, dealt: list[Assignment], opened: Opened) -> None:
    Study.objects.filter(pk=study.pk).update(welcome=True, grade_regions=True)
    add_item(study, jpeg(1), 3, actor=audit.SYSTEM)
    page = opened(client, reverse("label_welcome", args=[study.pk]))
    assert "⟦Practise⟧" in page


def test_the_list_of_studies_in_every_state(
    client: Client, opened: Opened, study: Study, bob_rates: Membership, mallory: User
) -> None:
    assert "⟦You are in no study yet⟧" in opened(signed_in(mallory), "/")
    assert "⟦Nothing to grade yet" in opened(client, "/")
    dealt = start(bob_rates, 2)
    assert "⟦Start grading⟧" in opened(client, "/")
    labelling.window(bob_rates, 5)
    answer_all(bob_rates, [grade(dealt[0].token)])
    assert "⟦Continue⟧" in opened(client, "/")
    answer_all(bob_rates, [grade(dealt[1].token)])
    assert "⟦All graded" in opened(client, "/")
    for state in (StudyState.PAUSED, StudyState.CLOSED):
        set_state(study, state, actor=audit.SYSTEM)
        assert f"⟦{state.value}" in opened(client, "/").lower()


def test_the_labelling_page(client: Client, opened: Opened, study: Study, dealt: list[Assignment]) -> None:
    Study.objects.filter(pk=study.pk).update(grade_regions=True)
    page = opened(client, reverse("label", args=[study.pk]))
    found = re.search(r'<script id="boot" type="application/json">(.*?)</script>', page)
    assert found is not None
    boot = json.loads(found[1])
    assert set(boot["words"]) == set(WORDS)
    for said in (boot["words"], boot["reasons"]):
        assert {name: one for name, one in said.items() if not (one[0] == "⟦" and one[-1] == "⟧")} == {}


def test_the_raters_own_grades(
    client: Client, opened: Opened, study: Study, bob_rates: Membership, dealt: list[Assignment]
) -> None:
    labelling.window(bob_rates, 10)
    for share in (dealt[:2], dealt[2:]):
        answer_all(bob_rates, [grade(one.token, unsure=True) for one in share])
        assert "⟦My grades⟧" in opened(client, reverse("label_mine", args=[study.pk]))


def test_a_study_that_is_not_open(client: Client, opened: Opened, study: Study, dealt: list[Assignment]) -> None:
    for state in (StudyState.PAUSED, StudyState.CLOSED):
        set_state(study, state, actor=audit.SYSTEM)
        opened(client, reverse("label", args=[study.pk]), 409)


def test_what_answers_are_refused_with(client: Client, study: Study, dealt: list[Assignment]) -> None:
    address = reverse("label_answers", args=[study.pk])
    client.get(reverse("label_window", args=[study.pk]))

    def refusal(*answers: dict[str, object], rater: str = "R01") -> str:
        body = json.dumps({"answers": answers, "rater": rater})
        told = client.post(address, body, content_type="application/json").json()
        return str((told.get("refusal") or told["outcomes"][0]["refusal"])["text"])

    token = dealt[0].token
    for text in (
        refusal(message("unknown")),
        refusal(message(token, 9)),
        refusal(message(token, None, flag=Flag.OTHER.value)),
        refusal(message(token), rater="R02"),
        refusal({}),
        str(Client().post(address).json()["refusal"]["text"]),
    ):
        assert (text[0], text[-1]) == ("⟦", "⟧")


def test_the_commitments(db: None) -> None:
    study = running()
    address = reverse("study_commitment", args=[study.pk])
    user = raters_of(study)[0].user
    assert user is not None
    rater = signed_in(user)
    # Names and dates are the study's and Django's own.
    here = {study.name, str(user)} | {month_name[number] for number in range(1, 13)} | {"UTC", ".txt"}
    for state in (StudyState.LABELLING, StudyState.CLOSED):
        set_state(study, state, actor=audit.SYSTEM)
        page = rater.get(address).content.decode()
        assert pseudo_language.untranslated(page, NAMES | here) == []
    assert "⟦All 2 commitments hold" in page
