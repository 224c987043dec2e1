"""The pages and commands by which a study is run, and what they never say before the close."""

import io
import re

import pytest
from django.core.management import CommandError, call_command
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import reverse

from accounts import audit
from accounts.models import AuditEvent, User
from jobs.models import Job, JobState
from labeler import file_store, tasks
from labeler.changes import withdraw_golden
from labeler.models import (
    Commitment,
    GoldenItem,
    GoldenSight,
    ImageName,
    Membership,
    MembershipState,
    Role,
    Study,
    StudyState,
)
from labeler.raters import add_rater
from labeler.studies import add_member, set_state
from labeler.tests.running import add_images, raters_of, running
from labeler.views import commitment

pytestmark = pytest.mark.django_db

SEED = 8_765_432_109_876_543


@pytest.fixture
def live(alice: User) -> Study:
    """A study that labels, led by Alice; R01 to R03 rate."""
    study = running(raters=3, training=(1,) * 30, golden=6, seed=SEED)
    add_member(study, Role.LEAD, user=alice, actor=audit.SYSTEM)
    return study


@pytest.fixture
def lead(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


def _url(name: str, study: Study, *more: int) -> str:
    return reverse(name, args=[study.pk, *more])


def _text(answer: HttpResponseBase) -> str:
    whole = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return whole.decode()


def _run(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, stderr=out)
    return out.getvalue()


OWN = ["study_state", "study_close", "deal_added", "study_members", "member_admit"]


@pytest.mark.parametrize("name", [*OWN, "golden_withdraw", "member_withdraw", "member_link"])
def test_only_the_lead_runs_a_study(client: Client, live: Study, mallory: User, name: str) -> None:
    image = GoldenItem.objects.filter(study=live)[0].image_id
    more = {"golden_withdraw": [image]}.get(name, [raters_of(live)[0].pk] if name.startswith("member_") else [])
    url = _url(name, live, *(more if name != "member_admit" else []))
    assert client.post(url)["Location"].startswith("/accounts/login/")
    for stranger in (mallory, raters_of(live)[1].user):
        assert stranger is not None
        client.force_login(stranger)
        assert client.post(url, {"reason": "x"}).status_code == 404
    live.refresh_from_db()
    assert live.state == StudyState.LABELLING


def test_labelling_pauses_and_resumes_and_nothing_else(lead: Client, study: Study, live: Study) -> None:
    def asked(of: Study, state: str) -> str:
        lead.post(_url("study_state", of), {"state": state})
        of.refresh_from_db()
        return of.state

    assert asked(study, "labelling") == "draft"
    assert asked(live, "closed") == "labelling"
    assert asked(live, "paused") == "paused"
    assert asked(live, "labelling") == "labelling"
    assert Commitment.objects.filter(study=live).count() == 1


def test_a_study_is_closed_after_a_look_at_what_is_open(lead: Client, live: Study) -> None:
    url = _url("study_close", live)
    page = _text(lead.get(url))
    assert "48 answers would stay open for good" in page and "A closed study stays closed" in page
    page = _text(lead.post(url, follow=True))
    live.refresh_from_db()
    assert live.state == StudyState.CLOSED and live.closed_at is not None
    assert "All 2 commitments hold" in page
    assert "The study is closed since" in _text(lead.get(url))
    set_state(live, StudyState.CLOSED, actor=audit.SYSTEM)
    assert Commitment.objects.filter(study=live).count() == 2


@pytest.mark.parametrize(
    ("before", "to", "problem"),
    [
        (StudyState.DRAFT, StudyState.PAUSED, "being set up can’t be paused"),
        (StudyState.CLOSED, StudyState.LABELLING, "stays closed"),
        (StudyState.PAUSED, StudyState.DRAFT, "can’t be being set up"),
    ],
)
def test_moves_that_there_are_not(study: Study, before: StudyState, to: StudyState, problem: str) -> None:
    Study.objects.filter(pk=study.pk).update(state=before)
    with pytest.raises(Exception, match=problem):
        set_state(study, to, actor=audit.SYSTEM)
    assert not AuditEvent.objects.filter(verb="study.state_changed").exists()


def test_the_start_is_remembered_through_a_pause(live: Study) -> None:
    began = live.started_at
    assert began is not None
    set_state(live, StudyState.PAUSED, actor=audit.SYSTEM)
    set_state(live, StudyState.LABELLING, actor=audit.SYSTEM)
    live.refresh_from_db()
    assert live.started_at == began


def test_added_images_are_dealt_after_a_look_at_the_numbers(lead: Client, live: Study) -> None:
    url = _url("deal_added", live)
    assert "No image waits" in _text(lead.get(url))
    add_images(live, (1,) * 30)
    assert "30 images that came later were dealt to nobody" in _text(lead.get(_url("study_close", live)))
    assert "<dd>30</dd>" in _text(lead.post(url, {"mix": "none"}))
    page = _text(lead.post(url, {"mix": "none", "confirmed": "1"}, follow=True))
    assert "30 images are dealt, 0 of them as golden ones." in page
    assert "No image waits" in _text(lead.get(url))


def test_a_lead_who_rates_is_told_no_numbers_of_golden_images(lead: Client, live: Study, alice: User) -> None:
    add_rater(live, alice.email, actor=audit.SYSTEM)
    add_images(live, (1,))
    page = _text(lead.get(_url("deal_added", live)))
    assert "Deal them" in page and "<dd>" not in page and "R01" not in page
    page = _text(lead.post(_url("deal_added", live), {"mix": "own", "confirmed": "1"}, follow=True))
    assert "The images are dealt." in page and "golden ones" not in page


def test_a_golden_image_is_withdrawn_by_who_may_see_it(lead: Client, live: Study, alice: User) -> None:
    item = GoldenItem.objects.filter(study=live)[0]
    url = _url("golden_withdraw", live, item.image_id)
    assert lead.post(url, {"reason": ""}).status_code == 302
    item.refresh_from_db()
    assert item.withdrawn_at is None
    answer = lead.post(url, {"reason": "a drawing"})
    assert answer["Location"] == _url("golden_list", live)
    item.refresh_from_db()
    assert item.reason == "a drawing"
    assert GoldenSight.objects.filter(study=live, user=alice).exists()


def test_a_lead_who_rates_withdraws_no_golden_image(lead: Client, live: Study, alice: User) -> None:
    add_rater(live, alice.email, actor=audit.SYSTEM)
    item = GoldenItem.objects.filter(study=live)[0]
    assert lead.post(_url("golden_withdraw", live, item.image_id), {"reason": "x"}).status_code == 403
    item.refresh_from_db()
    assert item.withdrawn_at is None


# The commitment's page


def test_leads_and_raters_see_the_hashes_and_strangers_nothing(client: Client, live: Study, mallory: User) -> None:
    row = Commitment.objects.get(study=live)
    names = ("study_commitment", "study_commitment_published")
    for member in [*raters_of(live), Membership.objects.get(study=live, role=Role.LEAD)]:
        assert member.user is not None
        client.force_login(member.user)
        for name in names:
            assert row.sha256 in _text(client.get(_url(name, live)))
    client.force_login(mallory)
    assert {client.get(_url(name, live)).status_code for name in names} == {404}
    Membership.objects.filter(study=live, code="R01").update(state=MembershipState.WITHDRAWN)
    gone = raters_of(live)[0].user
    assert gone is not None
    client.force_login(gone)
    assert client.get(_url("study_commitment", live)).status_code == 404


def test_before_the_close_the_page_tells_neither_events_nor_documents(client: Client, live: Study) -> None:
    withdraw_golden(GoldenItem.objects.filter(study=live)[0].image, "a drawing", actor=audit.SYSTEM)
    user = raters_of(live)[0].user
    assert user is not None
    client.force_login(user)
    page = _text(client.get(_url("study_commitment", live)))
    main = page[page.index("<main") :]
    assert "the allocation was changed" in main and "withdrawn" not in main
    assert ".txt" not in main.replace("published.txt", "")
    for number in (1, 2):
        assert client.get(_url("study_commitment_document", live, number)).status_code == 404
    set_state(live, StudyState.CLOSED, actor=audit.SYSTEM)
    page = _text(client.get(_url("study_commitment", live)))
    assert "a golden image was withdrawn" in page and "All 3 commitments hold" in page
    document = client.get(_url("study_commitment_document", live, 2))
    kept = file_store.read(Commitment.objects.get(study=live, number=2).path)
    assert _text(document).encode() == kept and f"seed {SEED}" in kept.decode()


def test_a_forgery_is_shown_on_the_page(lead: Client, live: Study) -> None:
    set_state(live, StudyState.CLOSED, actor=audit.SYSTEM)
    path = file_store.path_of(Commitment.objects.get(study=live, number=1).path)
    path.write_text(path.read_text().replace("golden ", "golden 1", 1))
    page = _text(lead.get(_url("study_commitment", live)))
    assert "Something does not hold" in page and "Commitment 1: its document was changed" in page


def test_a_large_study_is_recomputed_by_a_worker(lead: Client, live: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment, "MOST_ON_A_PAGE", 10)
    url = _url("study_commitment", live)
    lead.post(url)
    assert not Job.objects.exists()
    set_state(live, StudyState.CLOSED, actor=audit.SYSTEM)
    assert "commitments hold" not in _text(lead.get(url))
    lead.post(url)
    lead.post(url)
    job = Job.objects.get()
    assert "It is being recomputed" in _text(lead.get(url))
    tasks.verify_commitment(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == JobState.DONE and job.result == {"holds": True, "commitments": 2, "problems": []}
    assert "All 2 commitments hold" in _text(lead.get(url))


def test_a_study_that_has_not_begun_has_published_nothing(lead: Client, study: Study) -> None:
    assert "Nothing is published yet" in _text(lead.get(_url("study_commitment", study)))


LEADS = [
    "study",
    "study_members",
    "study_commitment",
    "study_commitment_published",
    "study_close",
    "deal_added",
    "study_assign",
    "study_golden",
    "study_settings",
    "study_images",
    "results",
    "runs",
    "labels_export",
]
RATERS = ["label", "study_commitment", "study_commitment_published"]


def test_no_page_and_no_record_tells_seed_or_nonce_before_the_close(client: Client, lead: Client, live: Study) -> None:
    late = add_rater(live, "late@example.org", actor=audit.SYSTEM)
    add_images(live, (1,) * 5)
    lead.post(_url("deal_added", live), {"mix": "own", "confirmed": "1"})
    nonces = [
        match[1]
        for row in Commitment.objects.filter(study=live)
        for match in re.finditer(r"^nonce (\w+)$", file_store.read(row.path).decode(), re.M)
    ]
    assert len(nonces) == 3
    seen = [_text(lead.get(_url(name, live), follow=True)) for name in LEADS]
    assert late.membership.user is not None
    client.force_login(late.membership.user)
    seen += [_text(client.get(_url(name, live))) for name in RATERS]
    seen += [_text(client.get(f"{_url('label', live)}window.json"))]
    seen += [str(list(model.objects.values())) for model in (AuditEvent, Commitment)]
    assert all(len(text) > 20 for text in seen)
    for secret in (str(SEED), f"{SEED:x}", *nonces):
        assert not [text for text in seen if secret in text]


# From a terminal


def test_a_study_is_run_from_a_terminal(live: Study) -> None:
    name = live.name
    assert "rater R04" in _run("add_rater", name, "late@example.org")
    assert "If R02 dropped out:" in _run("withdraw_rater", name, "r02", "--reason", "ill", "--preview")
    assert "R02 has dropped out." in _run("withdraw_rater", name, "R02", "--reason", "ill")
    item = GoldenItem.objects.filter(study=live)[0]
    ImageName.objects.create(study=live, image=item.image, name="golden.jpg")
    assert "golden.jpg is golden no more" in _run("withdraw_golden", name, "golden.jpg", "--reason", "a drawing")
    add_images(live, (1,) * 10)
    assert "Would be dealt: 10 training" in _run("deal_added", name, "--training-only", "--preview")
    assert "Dealt: 10 training images and 0 golden" in _run("deal_added", name, "--training-only")
    assert "is paused" in _run("study_state", name, "pause")
    assert "is labelling" in _run("study_state", name, "resume")
    assert "is closed" in _run("study_state", name, "close")
    told = _run("verify_commitment", name)
    assert told.count("holds") == 6 and "All commitments hold" in told


def test_a_forgery_ends_the_command_with_an_error(live: Study) -> None:
    file_store.path_of(Commitment.objects.get(study=live).path).unlink()
    with pytest.raises(CommandError, match="not in the store"):
        _run("verify_commitment", live.name)


def test_commands_say_what_is_refused(study: Study, live: Study, bob: User) -> None:
    for arguments, problem in (
        (("withdraw_rater", live.name, "R09", "--reason", "x"), "has no rater R09"),
        (("withdraw_rater", live.name, "R01", "--reason", " "), "Say why"),
        (("withdraw_golden", live.name, "x.jpg", "--reason", "x"), "has no image"),
        (("deal_added", live.name), "No image waits"),
        (("study_state", study.name, "resume"), "manage.py assign"),
        (("study_state", study.name, "pause"), "can’t be paused"),
        (("admit_rater", study.name, bob.email, "--reason", "x"), "has not seen"),
    ):
        with pytest.raises(CommandError, match=problem):
            _run(*arguments)


def test_somebody_is_admitted_from_a_terminal(study: Study, bob: User) -> None:
    GoldenSight.objects.create(study=study, user=bob, how="chose")
    with pytest.raises(CommandError, match="chose golden images"):
        _run("add_rater", study.name, bob.email)
    assert "as rater R01" in _run("admit_rater", study.name, bob.email, "--reason", "nobody else")
    assert Membership.objects.get(study=study, code="R01").admitted_reason == "nobody else"
