"""Who gets what from the labelling page's addresses."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from accounts import audit
from accounts.models import User
from labeler import labelling
from labeler.models import Assignment, Label, Membership, MembershipState, StudyState
from labeler.studies import set_state
from labeler.tests.factories import by_region, message, signed_in, start


@pytest.fixture
def dealt(bob_rates: Membership) -> list[Assignment]:
    return start(bob_rates, 4)


@pytest.fixture
def base(bob_rates: Membership) -> str:
    return f"/studies/{bob_rates.study_id}/label/"


def test_only_the_studys_raters_have_the_page(
    base: str, dealt: list[Assignment], alice: User, mallory: User, root: User
) -> None:
    assert Client().get(base)["Location"].startswith("/accounts/login/")
    for somebody in (alice, mallory, root):
        client = signed_in(somebody)
        for address in (base, f"{base}window.json", f"{base}previous.json", f"{base}i/{dealt[0].token}.jpg"):
            assert client.get(address).status_code == 404
        body = json.dumps({"answers": [message(dealt[0].token)], "rater": "R01"})
        assert client.post(f"{base}answers", body, content_type="application/json").status_code == 404
    assert not Label.objects.exists()


def test_an_image_goes_to_its_own_rater_and_only_once_released(
    base: str, dealt: list[Assignment], bob_rates: Membership, bob: User, carol: User, carol_rates: Membership
) -> None:
    address = f"{base}i/{dealt[0].token}.jpg"
    assert signed_in(bob).get(address).status_code == 404
    labelling.window(bob_rates, 1)
    response = signed_in(bob).get(address)
    assert response.status_code == 200
    assert response.content.startswith(b"\xff\xd8")
    assert signed_in(carol).get(address).status_code == 404
    assert Client().get(address).status_code == 404


def test_an_image_that_the_browser_has_is_not_sent_again(
    base: str, dealt: list[Assignment], bob_rates: Membership, bob: User
) -> None:
    labelling.window(bob_rates, 1)
    address = f"{base}i/{dealt[0].token}.jpg"
    again = signed_in(bob).get(address, headers={"If-None-Match": f'"{dealt[0].token}"'})
    assert (again.status_code, again.content) == (304, b"")


def test_only_the_whole_picture_is_sent_and_head_tells_the_same_of_it(
    base: str, dealt: list[Assignment], bob_rates: Membership, bob: User
) -> None:
    labelling.window(bob_rates, 1)
    client, address = signed_in(bob), f"{base}i/{dealt[0].token}.jpg"
    whole = client.get(address)
    assert int(whole["Content-Length"]) == len(whole.content)
    part = client.get(address, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (200, whole.content)
    head = client.head(address)
    assert list(head.headers.items()) == list(whole.headers.items())
    again = client.get(address, headers={"If-None-Match": whole["ETag"]})
    assert {name: again[name] for name in ("ETag", "Cache-Control")} == {
        name: whole[name] for name in ("ETag", "Cache-Control")
    }


@pytest.mark.parametrize("name", ["window.json", "previous.json", "answers"])
def test_an_open_page_is_told_that_its_rater_is_signed_out(base: str, dealt: list[Assignment], name: str) -> None:
    client = Client()
    body = json.dumps({"answers": [message(dealt[0].token)], "rater": "R01"})
    response = (
        client.post(base + name, body, content_type="application/json")
        if name == "answers"
        else client.get(base + name)
    )
    assert response.status_code == 401
    assert response.json()["refusal"]["code"] == "signed_out"


def test_answers_need_the_csrf_token(base: str, dealt: list[Assignment], bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob, backend="allauth.account.auth_backends.AuthenticationBackend")
    window = client.get(f"{base}window.json").json()
    body = json.dumps({"answers": [message(window["tokens"][0])], "rater": "R01"})
    assert client.post(f"{base}answers", body, content_type="application/json").status_code == 403
    told = client.post(f"{base}answers", body, content_type="application/json", headers={"X-CSRFToken": window["csrf"]})
    assert told.json()["outcomes"][0]["status"] == "saved"


@pytest.mark.parametrize(("state", "words"), [(StudyState.PAUSED, "paused"), (StudyState.CLOSED, "closed")])
def test_a_study_that_does_not_label_says_why(
    base: str, dealt: list[Assignment], bob: User, bob_rates: Membership, state: StudyState, words: str
) -> None:
    set_state(bob_rates.study, state, actor=audit.SYSTEM)
    client = signed_in(bob)
    page = client.get(base)
    assert page.status_code == 409 and words in page.content.decode()
    window = client.get(f"{base}window.json")
    assert window.status_code == 409 and window.json()["refusal"]["code"] == words


def test_who_withdrew_is_told_so_and_gets_no_images(
    base: str, dealt: list[Assignment], bob: User, bob_rates: Membership
) -> None:
    labelling.window(bob_rates, 1)
    Membership.objects.filter(pk=bob_rates.pk).update(state=MembershipState.WITHDRAWN)
    client = signed_in(bob)
    assert client.get(base).status_code == 409
    assert client.get(f"{base}i/{dealt[0].token}.jpg").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b'{"answers": []}',
        b'{"answers": [1]}',
        b'{"answers": [{"token": "x"}]}',
        b'{"answers": [{"token": "x", "client_key": "no uuid"}]}',
        b'{"answers": [{"token": 3, "client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10"}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "level": NaN}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "flag": "tired"}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "comment": "a\\u0000"}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "decide_ms": -1}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "client_time": "yesterday"}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "client_time": "2026-02-31T00:00Z"}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "viewing": {"camera": 1}}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "golden": true}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "flag": "unseen"}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "regions": [1]}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "regions": {"nose": {"level": 1}}}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "regions": {"face": {"level": 1}}}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "regions": {"chin": 1}}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "regions": {"chin": {}}}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "regions": {"chin": {"flag": "blur"}}}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "regions": {"chin": {"x": 2}}}]}',
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10", "level": 1' + b"0" * 400 + b"}]}",
        b'{"answers": [{"client_key": "3f0f4c4e-8a58-5c67-9d33-0d2f1b2f6a10", "level": 3}]}',  # as an import makes them
        b"[" * 100_000,
    ],
)
def test_what_the_page_would_not_send_is_refused_in_words(
    base: str, dealt: list[Assignment], bob: User, body: bytes
) -> None:
    response = signed_in(bob).post(f"{base}answers", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["refusal"]["code"] == "invalid"


def test_half_a_character_does_not_keep_an_answer_from_being_taken(
    base: str, dealt: list[Assignment], bob: User, bob_rates: Membership
) -> None:
    labelling.window(bob_rates, 1)
    body = json.dumps({"answers": [message(dealt[0].token, comment="scar \ud83d")], "rater": "R01"})
    told = signed_in(bob).post(f"{base}answers", body, content_type="application/json").json()
    assert told["outcomes"][0]["status"] == "saved"
    assert Label.objects.get().comment == "scar ?"


def test_a_clock_that_was_never_set_does_not_keep_an_answer_from_being_taken(
    base: str, dealt: list[Assignment], bob: User, bob_rates: Membership
) -> None:
    labelling.window(bob_rates, 1)
    never = "1970-01-01T00:00:09.000Z"
    one = message(dealt[0].token, client_time=never, shown_at=never)
    body = json.dumps({"answers": [one], "sent_at": never, "rater": "R01"})
    told = signed_in(bob).post(f"{base}answers", body, content_type="application/json").json()
    assert told["outcomes"][0]["status"] == "saved"
    assert Label.objects.get().client_time is None
    shown = Assignment.objects.get(pk=dealt[0].pk).first_shown_at
    assert shown is not None and Label.objects.get().server_time >= shown


def test_a_grade_by_region_is_taken_and_told_back(base: str, bob: User, bob_rates: Membership) -> None:
    by_region(bob_rates.study)
    (item,) = start(bob_rates, 1)
    labelling.window(bob_rates, 1)
    said = {
        "forehead": {"level": None, "flag": "unseen"},
        "cheeks": {"level": 4, "flag": ""},
        "chin": {"level": 2, "flag": ""},
    }
    body = json.dumps({"answers": [message(item.token, regions=said)], "rater": "R01"})
    client = signed_in(bob)
    told = client.post(f"{base}answers", body, content_type="application/json").json()
    assert [outcome["status"] for outcome in told["outcomes"]] == ["saved"]
    (back,) = client.get(f"{base}previous.json").json()["items"]
    assert back["given"]["regions"] == {
        "forehead": {"level_value": None, "flag": "unseen"},
        "cheeks": {"level_value": 4, "flag": ""},
        "chin": {"level_value": 2, "flag": ""},
    }


@pytest.mark.parametrize("address", ["i/%00.jpg", "previous.json?before=%00"])
def test_a_token_that_can_be_none_is_not_found(base: str, dealt: list[Assignment], bob: User, address: str) -> None:
    assert signed_in(bob).get(base + address).status_code == 404
