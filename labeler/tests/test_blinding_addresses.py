"""Every address of the site, asked for by a rater: what it gives is on a list here, or it is closed.

Whoever adds an address that a rater can open, or a sentence, a field or a link to a page that a rater sees, finds these
lists failing, and decides here whether it may be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts import audit
from accounts.models import ApiKey, User
from jobs.models import Job
from labeler import clusters, labelling
from labeler.assignment import assign
from labeler.examples import keep_example
from labeler.models import Assignment, Level, Membership, Study
from labeler.practice import add_item
from labeler.tests.drawn import jpeg
from labeler.tests.factories import make_image, signed_in

# What a rater can open, and what of it is their own or the same for all raters.
REACHABLE = {
    "home": "their studies, and how far they are",
    "label": "the labelling page",
    "label_window": "the next images' tokens, two counts",
    "label_previous": "their own answers",
    "label_answers": "takes answers",
    "label_image": "a picture released to them",
    "label_mine": "their own answers, in groups",
    "label_mine_counts": "how many of their answers are unsure, or flags",
    "label_welcome": "the scale, and who leads the study",
    "practice_picture": "a picture to practise on, none of the study's images",
    "level_example": "a picture of the scale, none of the study's images",
    "study_commitment": "fingerprints, the same for everybody",
    "study_commitment_published": "the same as a file",
    "preparation": "how far the installation is",
}
# Accounts: nothing about studies.
ACCOUNT = re.compile(r"account|entra_")
CLOSED = {302, 403, 404}


@pytest.fixture
def started(bob_rates: Membership, carol_rates: Membership) -> Study:
    """A study of two raters that labels, assigned by the product."""
    study = bob_rates.study
    Study.objects.filter(pk=study.pk).update(seed=7_340_926_114_083)
    study.refresh_from_db()
    for number in range(1, 9):
        make_image(study, number, golden=number % 2 == 0)
    clusters.recluster(study, actor=audit.SYSTEM)
    assign(study, actor=audit.SYSTEM)
    return study


def routes(patterns: list[URLPattern | URLResolver] | None = None) -> Iterator[URLPattern]:
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        else:
            yield pattern


def test_a_rater_can_open_what_is_listed_and_nothing_else(started: Study, bob: User, bob_rates: Membership) -> None:
    labelling.window(bob_rates, 3)
    level = started.levels.all()[0]
    Level.objects.filter(pk=level.pk).update(example=keep_example(started, jpeg(1)))
    mine = bob_rates.assignments.order_by("sort_key").first()
    assert mine is not None
    given = {
        "study_id": started.pk,
        "token": mine.token,
        "image_id": mine.image_id,
        "membership_id": bob_rates.pk,
        "level_id": level.pk,
        "item_id": add_item(started, jpeg(2), level.value, actor=audit.SYSTEM).pk,
        "job_id": Job.objects.create(kind="labeler.import_images", study_id=started.pk).pk,
        "key_id": ApiKey.objects.create(study_id=started.pk, name="a key", prefix="key", digest="0" * 64).pk,
        "table": "labels",
        "kind": "csv",
        "number": 1,
    }
    client, opened = signed_in(bob), set()
    for route in routes():
        if ACCOUNT.match(route.name or ""):
            continue
        names = set(route.pattern.converters)
        assert names <= set(given), f"say here what {route.name} is called with: {names - set(given)}"
        address = reverse(route.name or "", kwargs={name: given[name] for name in names})
        answer = client.get(address)
        if answer.status_code == 405:
            answer = client.post(address)
        if answer.status_code not in CLOSED:
            opened.add(route.name)
    assert opened == set(REACHABLE)


HOME_SAYS = {
    "Studies · Goldfold",
    "Skip to the content",
    "Goldfold",
    "Studies",
    "Bob",
    "Sign out",
    "This site runs with the secret key of a fresh checkout: fine for a try on this machine, not for real data. Set",
    "SECRET_KEY",
    ".",
    "Acne in selfies",
    "# of # images graded",
    "Grades that wait on this computer until you open the study:",
    "Start grading",
    "What the study committed to",
    "Goldfold · open source under Apache-#.# · for research, not for diagnosis",
}
FIELDS = {"csrfmiddlewaretoken"}
# What the first page asks before somebody signs out, and the rater whose grades may wait on this computer.
HOME_DATA = {"data-sign-out", "data-waits-for"}
# Elements that the labelling page's script finds, and what it reads from them.
LABEL_DATA = {"data-view", "data-state", "data-value", "data-key", "data-closes", "data-keys", "data-preference"} | {
    # Where their own numbers of unsure answers and flags are asked for; what a setting is before it is changed.
    "data-count",
    "data-counts",
    "data-standard",
}
LABEL_FIELDS = {"reason", "comment", "brightness", "contrast"}


class Told(HTMLParser):
    """What a page says: its sentences, and the names of its fields and data attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sentences: set[str] = set()
        self.fields: set[str] = set()
        self.data: set[str] = set()
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_script = tag == "script"
        self.fields |= {value for name, value in attrs if name == "name" and value and tag != "meta"}
        self.data |= {name for name, _ in attrs if name.startswith("data-")}

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        words = " ".join(re.sub(r"\d+", "#", data).split())
        if words and not self._in_script:
            self.sentences.add(words)


def test_the_first_page_says_what_is_listed(started: Study, bob: User) -> None:
    told = Told(signed_in(bob).get("/").content.decode())
    assert told.sentences == HOME_SAYS
    assert (told.fields, told.data) == (FIELDS, HOME_DATA)


def test_the_labelling_page_has_the_listed_fields(started: Study, bob: User) -> None:
    told = Told(signed_in(bob).get(f"/studies/{started.pk}/label/").content.decode())
    assert (told.fields, told.data) == (LABEL_FIELDS, LABEL_DATA)


def test_the_commitments_page_is_the_same_for_everybody_and_names_no_image(
    started: Study, bob: User, carol: User
) -> None:
    address = reverse("study_commitment", args=[started.pk])
    pages = [signed_in(user).get(address).content.decode() for user in (bob, carol)]
    shown = [re.sub(r"csrfmiddlewaretoken\" value=\"\w+", "", page) for page in pages]
    assert shown[0].replace("Bob", "") == shown[1].replace("Carol", "")
    commitment = started.commitments.get()
    assert commitment.sha256 in shown[0]
    known = [str(started.seed), *Assignment.objects.values_list("token", flat=True)]
    known += [digest for digest in started.images.values_list("sha256", flat=True) if digest]
    assert not [value for value in known if value in shown[0]]


def test_pages_are_the_same_whichever_set_the_images_are_in(
    study: Study, bob_rates: Membership, carol_rates: Membership, bob: User, carol: User
) -> None:
    """Bob's images are all golden, Carol's all training: their pages differ in what is random, and in their names."""
    for membership, golden in ((bob_rates, True), (carol_rates, False)):
        images = [make_image(study, 100 * membership.pk + number, golden=golden) for number in range(4)]
        Assignment.objects.bulk_create(
            Assignment(membership=membership, image=image, rendition=image.rendition, sort_key=place)
            for place, image in enumerate(images)
        )
    Study.objects.filter(pk=study.pk).update(state="labelling")
    for address in ("/", f"/studies/{study.pk}/label/", f"/studies/{study.pk}/label/window.json"):
        pages = [_without_what_is_random(signed_in(user), address) for user in (bob, carol)]
        assert pages[0].replace("Bob", "").replace("R01", "") == pages[1].replace("Carol", "").replace("R02", "")


def _without_what_is_random(client: Client, address: str) -> str:
    text = client.get(address).content.decode()
    for token in Assignment.objects.values_list("token", flat=True):
        text = text.replace(token, "TOKEN")
    return re.sub(r'(csrf(?:middlewaretoken" value)?"?[=:] ?)"\w+"', r"\1", text)
