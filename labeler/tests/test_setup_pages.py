"""The pages on which a lead sets a study up: who gets in, what they show, and what they never show."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts import audit
from accounts.models import User
from jobs.models import Job
from labeler import begin_labelling, clusters, golden
from labeler.assignment import assign
from labeler.models import GoldenItem, GoldenSight, Image, ImageName, Membership, Role, Sight, Study, StudyState
from labeler.studies import add_member
from labeler.tests.drawn import jpeg
from labeler.tests.factories import make_image, signed_in

OPEN = ["study_settings", "study_copy", "study_golden", "study_assign", "golden_choose", "golden_list"]
POSTS = ["study_settings", "study_scale", "study_copy", "golden_draw", "golden_table", "golden_complete", "golden_open"]
POSTS += ["golden_choose", "study_assign"]
SHOWING = [("get", "golden_choose"), ("get", "golden_list"), ("post", "golden_open"), ("post", "golden_choose")]
SHOWING += [("post", "golden_table")]


@pytest.fixture
def images(study: Study) -> list[Image]:
    made = [make_image(study, number) for number in range(1, 9)]
    for number, image in enumerate(made):
        ImageName.objects.create(study=study, image=image, name=f"{number}.jpg", metadata={"sex": "fm"[number % 2]})
    clusters.recluster(study, actor=audit.SYSTEM)
    return made


@pytest.fixture
def client(alice: User) -> Client:
    return signed_in(alice)


def _url(name: str, study: Study) -> str:
    return reverse(name, args=[study.pk])


def _ask(client: Client, method: str, name: str, study: Study) -> int:
    return getattr(client, method)(_url(name, study)).status_code  # type: ignore[no-any-return]


@pytest.mark.parametrize("method, name", [("get", name) for name in OPEN] + [("post", name) for name in POSTS])
def test_only_the_lead_gets_in(
    method: str, name: str, study: Study, bob: User, bob_rates: Membership, mallory: User
) -> None:
    assert Client().get(_url(name, study)).status_code in (302, 405)
    for stranger in (mallory, bob):
        assert _ask(signed_in(stranger), method, name, study) == 404


@pytest.mark.parametrize("method, name", SHOWING)
def test_a_lead_who_rates_is_kept_from_golden_images(
    client: Client, method: str, name: str, study: Study, images: list[Image], alice: User
) -> None:
    add_member(study, Role.RATER, user=alice, actor=audit.SYSTEM)
    assert _ask(client, method, name, study) == 403
    assert not GoldenSight.objects.exists()


def test_a_lead_who_rates_is_told_why_and_can_plan_a_draw(
    client: Client, study: Study, images: list[Image], alice: User
) -> None:
    add_member(study, Role.RATER, user=alice, actor=audit.SYSTEM)
    client.post(_url("golden_draw", study), {"size": 4, "column": "sex"})
    page = client.get(_url("study_golden", study)).content.decode()
    assert "You rate in this study" in page and "Choose by hand" not in page and "4 images will be drawn" in page
    assert not GoldenSight.objects.exists()


def test_the_golden_page_shows_no_golden_image(client: Client, study: Study, images: list[Image], alice: User) -> None:
    golden.choose(study, [images[2].pk], actor=audit.SYSTEM)
    page = client.get(_url("study_golden", study)).content.decode()
    assert "1 is chosen already" in page and "2.jpg" not in page and "thumbnail" not in page
    assert not GoldenSight.objects.exists()


def test_a_look_at_a_draw_plans_nothing(client: Client, study: Study, images: list[Image]) -> None:
    page = client.post(_url("golden_draw", study), {"size": 4, "column": "sex", "look": "1"}).content.decode()
    assert re.search(r"<th scope=\"row\">f</th><td class=\"number\">4</td><td class=\"number\">2</td>", page)
    study.refresh_from_db()
    assert study.golden_draw_size == 0
    page = client.post(_url("golden_draw", study), {"size": 9, "column": ""}).content.decode()
    assert "only 8 images to draw from" in page


def test_golden_images_are_shown_after_a_word_only(
    client: Client, study: Study, images: list[Image], alice: User
) -> None:
    page = client.get(_url("golden_choose", study)).content.decode()
    assert "can’t rate" in page and "thumbnail" not in page and not GoldenSight.objects.exists()
    assert client.post(_url("golden_choose", study), {"ticked": images[0].pk}).status_code == 409
    assert not GoldenItem.objects.exists()
    client.post(_url("golden_open", study), {"to": "choose"})
    assert set(GoldenSight.objects.values_list("user", "how")) == {(alice.pk, Sight.OPENED)}
    assert "0.jpg" in client.get(_url("golden_choose", study)).content.decode()


def test_ticks_are_saved_page_by_page(
    client: Client, study: Study, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labeler.views.golden._PAGE", 4)
    client.post(_url("golden_open", study))
    first, second = images[1].pk, images[5].pk
    answer = client.post(_url("golden_choose", study), {"ticked": [first], "go": "2"})
    assert answer["Location"].endswith("?page=2")
    page = client.get(answer["Location"]).content.decode()
    assert "5.jpg" in page and "1.jpg" not in page
    client.post(_url("golden_choose", study), {"ticked": [second], "go": "1"})
    assert set(GoldenItem.objects.values_list("image", flat=True)) == {first, second}
    client.post(_url("golden_choose", study), {"was": [first], "go": "1"})
    assert set(GoldenItem.objects.values_list("image", flat=True)) == {second}
    listed = client.get(_url("golden_list", study)).content.decode()
    assert "5.jpg" in listed and "1.jpg" not in listed


def test_a_table_is_taken_or_refused_on_the_page(
    client: Client, study: Study, images: list[Image], alice: User
) -> None:
    bad = SimpleUploadedFile("golden.csv", b"file\n9.jpg\n")
    assert "row 2, column “file”" in client.post(_url("golden_table", study), {"table": bad}).content.decode()
    good = SimpleUploadedFile("golden.csv", b"file\n3.jpg\n")
    client.post(_url("golden_table", study), {"table": good})
    assert GoldenItem.objects.get().image == images[3]
    assert GoldenSight.objects.filter(user=alice, how=Sight.CHOSE).exists()


def test_a_cluster_is_made_whole_without_showing_it(client: Client, study: Study, images: list[Image]) -> None:
    Image.objects.filter(pk=images[1].pk).update(cluster=images[0].pk)
    GoldenItem.objects.create(study=study, image=images[0])
    assert "golden in part only" in client.get(_url("study_golden", study)).content.decode()
    client.post(_url("golden_complete", study))
    assert GoldenItem.objects.count() == 2 and not GoldenSight.objects.exists()


def _levels(study: Study, **changed: object) -> dict[str, object]:
    """The scale editor as the browser sends it back, with fields changed."""
    rows = list(study.levels.all())
    sent: dict[str, object] = {"levels-TOTAL_FORMS": len(rows) + 1, "levels-INITIAL_FORMS": len(rows)}
    for number, level in enumerate(rows):
        for field in ("value", "key", "name", "description"):
            sent[f"levels-{number}-{field}"] = getattr(level, field)
        sent[f"levels-{number}-level"] = level.pk
    return sent | changed


def test_the_scale_is_edited_on_the_page(client: Client, study: Study, bob: User, bob_rates: Membership) -> None:
    example = SimpleUploadedFile("example.jpg", jpeg(1))
    changed = {"levels-0-name": "Nothing", "levels-4-remove": "on", "levels-1-example": example}
    changed |= {"levels-5-value": "2.5", "levels-5-name": "Between", "levels-5-key": "b"}
    assert client.post(_url("study_scale", study), _levels(study, **changed)).status_code == 302
    levels = list(study.levels.all())
    assert [level.name for level in levels] == ["Nothing", "Almost clear", "Between", "Mild", "Moderate"]
    assert levels[2].key == "b"
    url = reverse("level_example", args=[study.pk, levels[1].pk])
    for person in (client, signed_in(bob)):
        answer = person.get(url)
        assert answer["Content-Type"] == "image/jpeg" and answer.content[:2] == b"\xff\xd8"
        assert person.get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    assert client.get(reverse("level_example", args=[study.pk, levels[0].pk])).status_code == 404
    assert f'src="{url}"' in client.get(_url("study_settings", study)).content.decode()


def test_examples_are_for_the_study_alone(client: Client, study: Study, mallory: User) -> None:
    client.post(
        _url("study_scale", study), _levels(study, **{"levels-0-example": SimpleUploadedFile("e.jpg", jpeg(1))})
    )
    url = reverse("level_example", args=[study.pk, study.levels.all()[0].pk])
    assert client.get(url).status_code == 200
    assert signed_in(mallory).get(url).status_code == 404
    assert Client().get(url).status_code == 302


def test_what_is_wrong_with_a_scale_stands_beside_it(client: Client, study: Study) -> None:
    page = client.post(_url("study_scale", study), _levels(study, **{"levels-1-value": 1})).content.decode()
    assert "Two levels have the same value: 1" in page and 'value="Almost clear"' in page
    page = client.post(_url("study_scale", study), _levels(study, **{"levels-0-name": ""})).content.decode()
    assert "both a value and a name" in page
    text = SimpleUploadedFile("e.jpg", b"no picture")
    page = client.post(_url("study_scale", study), _levels(study, **{"levels-2-example": text})).content.decode()
    assert re.search(r'id="id_levels-2-example_error">The file is not', page)
    assert study.levels.filter(example="").count() == 5


def test_the_plan_is_saved_and_its_cost_is_shown(
    client: Client, study: Study, images: list[Image], bob_rates: Membership, carol_rates: Membership
) -> None:
    sent = {"name": "Renamed", "overlap": "2", "repeats": "25"}
    assert client.post(_url("study_settings", study), sent).status_code == 302
    study.refresh_from_db()
    assert (study.name, study.overlap, study.repeat_share) == ("Renamed", 2, 0.25)
    page = client.get(_url("study_settings", study)).content.decode()
    assert re.search(
        r'is-chosen.*?25 %</td><td class="number">8</td><td class="number">2</td><td class="number">10<', page, re.S
    )
    page = client.post(_url("study_settings", study), sent | {"overlap": "0", "repeats": "60"}).content.decode()
    assert page.count('class="error"') == 2


def test_a_study_that_labels_shows_its_scale_and_plan_without_fields(
    client: Client, study: Study, bob_rates: Membership
) -> None:
    Study.objects.filter(pk=study.pk).update(state=StudyState.LABELLING)
    page = client.get(_url("study_settings", study)).content.decode()
    assert "since labelling began" in page and "levels-0-name" not in page
    client.post(_url("study_settings", study), {"name": "Renamed", "overlap": "3", "repeats": "9"})
    study.refresh_from_db()
    assert (study.name, study.overlap, study.repeat_share) == ("Renamed", 1, 0)


def test_a_copy_is_made_by_a_lead_or_an_administrator(
    client: Client, study: Study, root: User, images: list[Image]
) -> None:
    client.post(_url("study_copy", study), {"name": "Second", "images": "on"})
    copy = Study.objects.get(name="Second")
    assert copy.images.count() == 8
    signed_in(root).post(_url("study_copy", study), {"name": "Third"})
    third = Study.objects.get(name="Third")
    assert not third.images.exists() and third.memberships.filter(user=root, role=Role.LEAD).exists()
    assert "There is a study called" in client.post(_url("study_copy", study), {"name": "Second"}).content.decode()


def test_the_allocation_is_shown_before_and_begun_by_a_job(
    client: Client, study: Study, images: list[Image], bob_rates: Membership, carol_rates: Membership
) -> None:
    golden.plan_draw(study, 2, "", actor=audit.SYSTEM)
    page = client.get(_url("study_assign", study)).content.decode()
    assert "data:image/svg+xml;base64," in page and "2 yet to be drawn" in page
    assert page.count('<td class="number">3</td><td class="number">2</td>') == 2
    answer = client.post(_url("study_assign", study))
    job = Job.objects.get(kind=begin_labelling.BEGIN)
    assert answer["Location"] == reverse("job", args=[study.pk, job.pk])
    assert client.post(_url("study_assign", study))["Location"] == answer["Location"]
    assert "Labelling is just beginning" in client.get(_url("study_assign", study)).content.decode()


def test_what_keeps_labelling_from_beginning_is_named_with_its_page(
    client: Client, study: Study, images: list[Image], bob_rates: Membership
) -> None:
    Image.objects.filter(pk=images[0].pk).update(cluster=None)
    Study.objects.filter(pk=study.pk).update(overlap=2)
    page = client.get(_url("study_assign", study)).content.decode()
    for name in ("study_members", "study_settings", "study_clusters"):
        assert f'class="button small" href="{_url(name, study)}"' in page
    assert "disabled>Assign" in page
    client.post(_url("study_assign", study))
    assert not Job.objects.filter(kind=begin_labelling.BEGIN).exists()


def test_the_allocation_stands_after_the_start(
    client: Client, study: Study, images: list[Image], bob_rates: Membership, carol_rates: Membership
) -> None:
    golden.plan_draw(study, 2, "", actor=audit.SYSTEM)
    Study.objects.filter(pk=study.pk).update(repeat_share=0.2)
    assign(study, actor=audit.SYSTEM)
    page = client.get(_url("study_assign", study)).content.decode()
    row = "".join(f'<td class="number">{number}</td>' for number in (3, 2, 1, 6))
    assert page.count(row) == 2 and "data:image/svg" in page and "begin labelling" not in page
