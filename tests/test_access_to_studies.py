"""Every address of a study, and who gets in. An address that stands in no class below fails: say whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts import api_keys, audit
from accounts.models import User
from grading.runs import start_run
from grading.tests.panels import graded_study
from jobs import lifecycle
from labeler.models import Assignment, GoldenSight, Membership, MembershipState, Rendition, Role, Study, StudyState
from labeler.tests.factories import start

# Raters: their own queue. A lead is not let in.
RATERS = {
    "label",
    "label_answers",
    "label_image",
    "label_mine",
    "label_mine_counts",
    "label_mine_more",
    "label_previous",
    "label_welcome",
    "label_window",
}
# Everybody in the study.
MEMBERS = {
    "level_example",
    "practice_picture",
    "study_commitment",
    "study_commitment_document",
    "study_commitment_published",
}
# Leads, whether they rate or not: nothing here tells which images are golden, or how well anybody grades.
LEADS = {
    "clusters_decide",
    "clusters_search",
    "clusters_skip",
    "deal_added",
    "golden_complete",
    "golden_draw",
    "image",
    "image_full",
    "image_thumbnail",
    "images_overrule",
    "images_rejected",
    "images_thresholds",
    "job",
    "job_cancel",
    "job_status",
    "member_admit",
    "member_link",
    "member_withdraw",
    "practice_item",
    "practice_preview",
    "scoring_key_revoke",
    "scoring_keys",
    "study",
    "study_assign",
    "study_close",
    "study_clusters",
    "study_copy",
    "study_golden",
    "study_images",
    "study_import",
    "study_members",
    "study_practice",
    "study_scale",
    "study_settings",
    "study_state",
    "study_upload",
}
# Leads who don't rate, until the close: figures about raters and models.
STATISTICS = {
    "dictionary_export",
    "grades_import",
    "panel_seat",
    "results",
    "results_chart",
    "run",
    "run_cancel",
    "run_promote",
    "run_start",
    "runs",
    "study_export",
}
# The same, as they tell which images are golden.
GOLDEN = {
    "golden_choose",
    "golden_list",
    "golden_open",
    "golden_table",
    "golden_withdraw",
    "labels_export",
    "study_conflicts",
    "table_export",
}
# Of these, what a lead who has not seen the golden set is asked about first, instead of shown.
ASKED_FIRST = {"golden_choose", "golden_list", "study_conflicts"}
# What the study of these tests has not, or not yet: pictures beside its images, an opened commitment, files of its
# images, further answers of a grade that is not named.
NOTHING_THERE = {
    "image_full",
    "image_thumbnail",
    "label_mine_more",
    "level_example",
    "practice_picture",
    "study_commitment_document",
}
CLASSES = (RATERS, MEMBERS, LEADS, STATISTICS, GOLDEN)


def addresses(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, list[str]]]:
    """Name and parameters of every address below a study."""
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, route)
        elif "study_id" in route:
            yield str(pattern.name), [part.split(">")[0].split(":")[-1] for part in route.split("<")[1:]]


ALL = dict(addresses(get_resolver().url_patterns))


def test_every_address_is_in_one_class() -> None:
    assert sorted(name for one in CLASSES for name in one) == sorted(ALL)


class Place:
    """A study with something behind every address, and what somebody gets there."""

    def __init__(self, study: Study, rater: Membership) -> None:
        first = start(rater, 3)[0]
        assert first.rendition
        graded_study(study)
        job = lifecycle.enqueue("labeler.import_images", actor=audit.SYSTEM, study_id=study.pk)
        key, _raw = api_keys.create_key("a program", study.pk, audit.SYSTEM)
        golden = study.golden_items.order_by("pk")[0]
        Rendition.objects.create(image=golden.image, width=96, height=128, bytes=1, path=first.rendition.path)
        Assignment.objects.filter(pk=first.pk).update(released_at=timezone.now())
        self.study = study
        self.values: dict[str, object] = {
            "study_id": study.pk,
            "job_id": job.pk,
            "number": start_run(study, audit.SYSTEM).number,
            "key_id": key.pk,
            "membership_id": rater.pk,
            "image_id": golden.image_id,
            "item_id": 1,
            "level_id": study.levels.order_by("pk")[0].pk,
            "token": first.token,
            "table": "labels",
            "kind": "csv",
        }

    def answers(self, client: Client, name: str) -> set[int]:
        """The statuses of the methods that the address takes; what they changed stays undone."""
        address = reverse(name, kwargs={word: self.values[word] for word in ALL[name]})
        statuses = set()
        for ask in (client.get, client.post):
            with transaction.atomic():
                statuses.add(ask(address).status_code)
                transaction.set_rollback(True)
        assert statuses != {405}, f"{name} takes neither GET nor POST"
        return statuses - {405}

    def where_not(self, client: Client, names: Iterable[str], wanted: set[int]) -> dict[str, set[int]]:
        """The addresses among `names` that answer with another status."""
        found = {name: self.answers(client, name) for name in sorted(names)}
        return {name: statuses for name, statuses in found.items() if not statuses <= wanted}

    def where(self, client: Client, names: Iterable[str], unwanted: set[int]) -> dict[str, set[int]]:
        """The addresses among `names` that answer with one of these."""
        found = {name: self.answers(client, name) for name in sorted(names)}
        return {name: statuses for name, statuses in found.items() if statuses & unwanted}

    def where_seen(self, client: Client, names: Iterable[str]) -> set[str]:
        """The addresses among `names` that write a sight of the golden set down."""
        return {name for name in names if self._is_seen(client, name)}

    def _is_seen(self, client: Client, name: str) -> bool:
        address = reverse(name, kwargs={word: self.values[word] for word in ALL[name]})
        with transaction.atomic():
            for ask in (client.get, client.post):
                ask(address)
            seen = GoldenSight.objects.filter(study=self.study).exists()
            transaction.set_rollback(True)
        return seen


@pytest.fixture
def place(study: Study, bob_rates: Membership) -> Place:
    return Place(study, bob_rates)


@pytest.fixture
def rating_lead(place: Place, client: Client, alice: User) -> Client:
    """Signed in as Alice, who leads the study and rates in it."""
    Membership.objects.create(study=place.study, user=alice, code="R99", role=Role.RATER)
    client.force_login(alice)
    return client


def test_who_is_not_signed_in_is_sent_to_sign_in(place: Place, client: Client) -> None:
    assert place.where_not(client, ALL.keys() - RATERS, {302}) == {}
    assert place.where_not(client, RATERS, {302, 401, 404}) == {}


def test_to_who_is_not_in_it_a_study_is_not_there(place: Place, client: Client, mallory: User) -> None:
    client.force_login(mallory)
    assert place.where_not(client, ALL, {404}) == {}


def test_a_rater_gets_to_the_queue_and_the_commitments_only(place: Place, client: Client, bob: User) -> None:
    client.force_login(bob)
    assert place.where_not(client, ALL.keys() - RATERS - MEMBERS, {404}) == {}
    assert place.where(client, RATERS - NOTHING_THERE, {403, 404}) == {}


def test_a_lead_gets_everywhere_but_to_the_queue(place: Place, client: Client, alice: User) -> None:
    client.force_login(alice)
    assert place.where(client, ALL.keys() - RATERS - NOTHING_THERE, {403, 404}) == {}
    assert place.where_not(client, RATERS, {404}) == {}


def test_a_lead_who_rates_sees_neither_figures_nor_golden_images(place: Place, rating_lead: Client) -> None:
    assert place.where_not(rating_lead, STATISTICS | GOLDEN, {403}) == {}


def test_a_lead_who_rates_runs_the_study_all_the_same(place: Place, rating_lead: Client) -> None:
    assert place.where(rating_lead, LEADS - NOTHING_THERE, {403, 404}) == {}


def test_after_the_close_a_lead_who_rated_sees_everything(place: Place, rating_lead: Client) -> None:
    Study.objects.filter(pk=place.study.pk).update(state=StudyState.CLOSED)
    assert place.where(rating_lead, (STATISTICS | GOLDEN) - NOTHING_THERE, {403, 404}) == {}


def test_who_sees_golden_images_is_written_down_and_nobody_else(place: Place, client: Client, alice: User) -> None:
    client.force_login(alice)
    assert place.where_seen(client, ALL) == GOLDEN - ASKED_FIRST


def test_a_lead_who_left_gets_in_no_more(place: Place, client: Client, alice: User) -> None:
    Membership.objects.filter(study=place.study, user=alice).update(state=MembershipState.WITHDRAWN)
    client.force_login(alice)
    assert place.where_not(client, ALL, {404}) == {}
