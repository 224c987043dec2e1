"""The lead's pages: who gets in, what they do, and how few queries they take."""

import json
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts import audit
from accounts.models import User
from jobs import lifecycle
from jobs.models import Job, JobState
from labeler import clusters, tasks
from labeler.assignment import assign
from labeler.clusters import EXAMINE
from labeler.importing import add_image
from labeler.importing_grades import import_grades
from labeler.models import GoldenItem, Image, Membership, Role, Study
from labeler.studies import add_member, create_study
from labeler.tests.drawn import jpeg
from labeler.uploads import find_upload

GET = ["study", "study_import", "grades_import", "study_members", "study_assign", "labels_export", "job", "job_status"]
POST = ["study_state", "study_upload", "job_cancel", "study_import", "grades_import", "study_members", "study_assign"]


@pytest.fixture
def job(study: Study) -> Job:
    return lifecycle.enqueue("labeler.import_images", actor=audit.SYSTEM, study_id=study.pk, params={"upload": "x"})


def _url(name: str, study: Study, job: Job) -> str:
    return reverse(name, args=[study.pk, job.pk] if name.startswith("job") else [study.pk])


def _pictures(study: Study, count: int = 4) -> None:
    for number in range(count):
        add_image(study, f"{number}.jpg", jpeg(number), actor=audit.SYSTEM, golden=number == 0, person=str(number))
    clusters.recluster(study, actor=audit.SYSTEM)


@pytest.mark.parametrize("method, name", [("get", name) for name in GET] + [("post", name) for name in POST])
def test_only_the_lead_gets_in(
    client: Client, method: str, name: str, study: Study, job: Job, alice: User, bob_rates: Membership, mallory: User
) -> None:
    ask: Callable[[str], HttpResponse] = getattr(client, method)
    url = _url(name, study, job)
    assert ask(url).status_code == 302 and ask(url)["Location"].startswith("/accounts/login/")
    for stranger in (mallory, bob_rates.user):
        assert stranger is not None
        client.force_login(stranger)
        assert ask(url).status_code == 404
    client.force_login(alice)
    answer = ask(url)
    assert answer.status_code in ({200} if method == "get" else {200, 302})
    assert answer["Cache-Control"] == "no-store"


def test_a_lead_sees_no_job_of_another_study(client: Client, study: Study, alice: User) -> None:
    other = lifecycle.enqueue("labeler.import_images", actor=audit.SYSTEM, study_id=study.pk + 1)
    client.force_login(alice)
    for name in ("job", "job_status"):
        assert client.get(reverse(name, args=[study.pk, other.pk])).status_code == 404
    assert client.post(reverse("job_cancel", args=[study.pk, other.pk])).status_code == 404


def test_home_shows_a_rater_what_to_grade_and_a_lead_what_to_open(
    client: Client, study: Study, alice: User, bob: User, bob_rates: Membership
) -> None:
    _pictures(study)
    client.force_login(bob)
    assert b"Nothing to grade yet" in client.get("/").content
    assign(study, actor=audit.SYSTEM)
    page = client.get("/").content.decode()
    assert "0 of 4 images graded" in page and reverse("label", args=[study.pk]) in page
    assert f'href="{reverse("study", args=[study.pk])}"' not in page
    client.force_login(alice)
    page = client.get("/").content.decode()
    assert f'href="{reverse("study", args=[study.pk])}"' in page and reverse("study_new") not in page


def test_who_is_in_no_study_is_told_so(client: Client, study: Study, mallory: User) -> None:
    client.force_login(mallory)
    page = client.get("/").content.decode()
    assert "You are in no study yet" in page and study.name not in page


def test_a_withdrawn_rater_sees_the_study_no_more(
    client: Client, study: Study, bob: User, bob_rates: Membership
) -> None:
    Membership.objects.filter(pk=bob_rates.pk).update(state="withdrawn")
    client.force_login(bob)
    assert study.name not in client.get("/").content.decode()


def test_only_administrators_make_studies(client: Client, alice: User, root: User) -> None:
    client.force_login(alice)
    assert client.get(reverse("study_new")).status_code == 403
    assert client.post(reverse("study_new"), _new_study("published")).status_code == 403
    client.force_login(root)
    client.post(reverse("study_new"), _new_study("published"))
    made = Study.objects.get(name="New one")
    assert made.levels.count() == 5 and made.memberships.get().user == root


def _new_study(scale: str, *rows: tuple[str, str]) -> dict[str, str]:
    form = {"name": "New one", "scale": scale, "levels-TOTAL_FORMS": "7", "levels-INITIAL_FORMS": "0"}
    for place, (value, name) in enumerate(rows):
        form |= {f"levels-{place}-value": value, f"levels-{place}-name": name}
    return form


def test_a_scale_of_ones_own(client: Client, root: User) -> None:
    client.force_login(root)
    client.post(reverse("study_new"), _new_study("own", ("0", "None"), ("1.5", "Some"), ("4", "Lots")))
    assert list(Study.objects.get().levels.values_list("value", "key")) == [(0, "0"), (1.5, ""), (4, "4")]


@pytest.mark.parametrize(
    "rows, problem",
    [
        ([], "at least two levels"),
        ([("1", "One")], "at least two levels"),
        ([("1", "One"), ("1", "Two")], "Two levels have the same value"),
        ([("1", "One"), ("2", "")], "needs both a value and a name"),
    ],
)
def test_a_scale_that_is_none(client: Client, root: User, rows: list[tuple[str, str]], problem: str) -> None:
    client.force_login(root)
    assert problem in client.post(reverse("study_new"), _new_study("own", *rows)).content.decode()
    assert not Study.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_images_sent_in_parts_come_in(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    to = reverse("study_upload", args=[study.pk])
    first = json.loads(client.post(to, {"files": [_file("1.jpg", jpeg(1)), _file("2.jpg", jpeg(2))]}).content)
    second = json.loads(client.post(to, {"upload": first["upload"], "files": [_file("3.jpg", b"")]}).content)
    assert second == {"upload": first["upload"], "files": 3}
    form = {"upload": first["upload"], "table": _file("t.csv", b"file,golden\n1.jpg,yes\n")}
    client.post(reverse("study_import", args=[study.pk]), form)
    job = Job.objects.get()
    tasks.import_images(job_id=job.pk)
    assert Job.objects.filter(kind=EXAMINE, state=JobState.QUEUED).count() == 1  # the new ones are looked at
    assert (Image.objects.count(), GoldenItem.objects.count()) == (2, 1)
    page = client.get(reverse("job", args=[study.pk, job.pk])).content.decode()
    assert "3.jpg" in page and "The file is empty." in page


def _file(name: str, data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def test_a_faulty_table_costs_no_second_upload(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    url = reverse("study_import", args=[study.pk])
    form = {"images": _file("1.jpg", jpeg(1)), "table": _file("t.csv", b"file,golden\n1.jpg,maybe\n")}
    answer = client.post(url, form)
    assert "“maybe” is neither yes nor no" in answer.content.decode() and not Job.objects.exists()
    upload = answer.context["upload"]
    assert f'value="{upload.token}"' in answer.content.decode()
    client.post(url, {"upload": upload.token, "table": _file("t.csv", b"file,golden\n1.jpg,yes\n")})
    assert Job.objects.get().params == {"upload": upload.token}
    find_upload(upload.token, study.pk, alice.pk).remove()


def test_somebody_elses_upload_is_not_imported(client: Client, study: Study, alice: User, carol: User) -> None:
    add_member(study, Role.LEAD, user=carol, actor=audit.SYSTEM)
    client.force_login(carol)
    token = json.loads(
        client.post(reverse("study_upload", args=[study.pk]), {"files": [_file("1.jpg", jpeg(1))]}).content
    )["upload"]
    client.force_login(alice)
    refused = client.post(reverse("study_upload", args=[study.pk]), {"upload": token, "files": [_file("2.jpg", b"x")]})
    assert refused.status_code == 400 and "no longer there" in json.loads(refused.content)["error"]
    client.post(reverse("study_import", args=[study.pk]), {"upload": token})
    assert not Job.objects.exists()
    find_upload(token, study.pk, carol.pk).remove()


def test_a_form_without_files_says_what_is_missing(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    answer = client.post(reverse("study_import", args=[study.pk]), {"upload": ""})
    assert "Choose image files, a folder, or zip archives." in answer.content.decode()


def test_faulty_grades_are_named_by_row(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    form = {"table": _file("g.csv", b"image,rater,grade\nx.jpg,E,1\n")}
    answer = client.post(reverse("grades_import", args=[study.pk]), form)
    assert "g.csv: row 2, column “image”: The study has no image “x.jpg”." in answer.content.decode()
    assert not Job.objects.exists()


def test_a_refused_assignment_says_why(client: Client, study: Study, alice: User) -> None:
    client.force_login(alice)
    answer = client.post(reverse("study_assign", args=[study.pk]), follow=True)
    assert "no active rater" in answer.content.decode()


def test_a_job_is_stopped_by_the_lead(client: Client, study: Study, job: Job, alice: User) -> None:
    client.force_login(alice)
    client.post(reverse("job_cancel", args=[study.pk, job.pk]))
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    training = lifecycle.enqueue("grading.train_model", actor=audit.SYSTEM, study_id=study.pk)
    assert client.post(reverse("job_cancel", args=[study.pk, training.pk])).status_code == 404


def test_what_a_job_tells(client: Client, study: Study, job: Job, alice: User) -> None:
    client.force_login(alice)
    told = json.loads(client.get(reverse("job_status", args=[study.pk, job.pk])).content)
    assert set(told) == {"state", "done", "total", "percent", "message", "error", "result"}
    assert told["state"] == "queued"


def test_labels_are_downloaded_as_csv(client: Client, study: Study, alice: User) -> None:
    _pictures(study, 1)
    import_grades(study, "g.csv", b"image,rater,grade\n0.jpg,E,2\n", actor=audit.SYSTEM)
    client.force_login(alice)
    answer = client.get(reverse("labels_export", args=[study.pk]))
    assert answer["Content-Disposition"] == 'attachment; filename="acne-in-selfies-labels.csv"'
    assert b"0.jpg,R01,0,face,2,Almost clear" in b"".join(answer.streaming_content)  # type: ignore[attr-defined]


# Two of the queries are always the signed-in user and the membership.
@pytest.mark.parametrize(
    "name, queries", [("home", 2), ("study", 13), ("study_import", 3), ("study_members", 5), ("study_assign", 13)]
)
def test_pages_take_as_many_queries_for_many_as_for_few(
    client: Client,
    study: Study,
    alice: User,
    bob_rates: Membership,
    name: str,
    queries: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    client.force_login(alice)
    url = reverse(name, args=[] if name == "home" else [study.pk])
    _pictures(study, 1)
    with django_assert_num_queries(queries):
        client.get(url)
    _pictures(study, 6)
    for place in range(3):
        add_member(study, Role.RATER, user=User.objects.create_user(f"{place}@example.org"), actor=audit.SYSTEM)
    import_grades(study, "g.csv", b"image,rater,grade\n0.jpg,E,2\n1.jpg,F,2\n", actor=audit.SYSTEM)
    with django_assert_num_queries(queries):
        client.get(url)


def test_what_a_rater_can_grade_comes_first_under_the_one_main_button(
    client: Client, study: Study, bob: User, bob_rates: Membership
) -> None:
    _pictures(study)
    assign(study, actor=audit.SYSTEM)
    others = [create_study(name, actor=audit.SYSTEM, lead=None) for name in ("A draft", "B draft")]
    for other in others:
        add_member(other, Role.RATER, user=bob, actor=audit.SYSTEM)
    client.force_login(bob)
    page = client.get("/").content.decode()
    assert page.index(study.name) < page.index("A draft") < page.index("B draft")
    assert page.count("button primary") == 1 and page.index("button primary") < page.index("A draft")
