"""What joins pictures to clusters, a lead's word on them, and grades that contradict each other."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import audit
from accounts.audit import Actor
from accounts.models import AuditEvent, User
from jobs.lifecycle import AlreadyActive
from labeler import clusters
from labeler.cluster_list import Why, between_folds, cluster_list
from labeler.conflicts import conflicting_grades
from labeler.models import (
    Assignment,
    ClusterDecision,
    Fold,
    FoldItem,
    Image,
    ImageLink,
    Label,
    Level,
    LinkKind,
    Membership,
    Person,
    Role,
    Study,
    StudyState,
)
from labeler.studies import add_member, create_study
from labeler.tests.factories import make_image

pytestmark = pytest.mark.django_db


@pytest.fixture
def images(study: Study) -> list[Image]:
    return [make_image(study, number) for number in range(6)]


@pytest.fixture
def lead(alice: User) -> Actor:
    return Actor(alice)


def link(first: Image, second: Image, kind: LinkKind = LinkKind.DUPLICATE, distance: float = 0.01) -> None:
    ImageLink.objects.create(study=first.study, first=first, second=second, kind=kind, distance=distance)


def name(person: str, *images: Image) -> None:
    found, _ = Person.objects.get_or_create(study=images[0].study, external_id=person)
    Image.objects.filter(pk__in=[image.pk for image in images]).update(person=found)


def add_raters(study: Study, count: int) -> list[Membership]:
    return [add_member(study, Role.RATER, external_name=f"rater {at}", actor=audit.SYSTEM) for at in range(count)]


def answer(rater: Membership, image: Image, value: float) -> None:
    """A grade, as a new version where there is one already."""
    assignment, _ = Assignment.objects.get_or_create(
        membership=rater, image=image, defaults={"sort_key": image.pk, "rendition": image.rendition}
    )
    level = Level.objects.get(study=rater.study_id, value=value)
    version = assignment.labels.count() + 1
    Label.objects.create(assignment=assignment, version=version, client_key=uuid4(), level=level)


def found(images: list[Image]) -> list[set[int]]:
    """The clusters of two or more, by the places of their images in the list."""
    place = {image.pk: at for at, image in enumerate(images)}
    return [{place[pk] for pk in cluster} for cluster in clusters.together(images[0].study)]


def test_persons_and_links_join_by_way_of_each_other_and_the_rest_stand_alone(
    study: Study, images: list[Image], lead: Actor
) -> None:
    name("P1", images[1], images[3])
    link(images[3], images[4])
    assert clusters.not_searched(study) == 6
    assert clusters.recluster(study, actor=lead) == 4
    assert found(images) == [{1, 3, 4}]
    assert Image.objects.get(pk=images[4].pk).cluster == images[1].pk
    assert Image.objects.get(pk=images[0].pk).cluster == images[0].pk
    assert clusters.not_searched(study) == 0
    assert AuditEvent.objects.get(verb="clusters.found").after == {"clusters": 4}


def test_working_them_out_again_writes_nothing_and_touches_no_other_study(
    study: Study, images: list[Image], lead: Actor, alice: User
) -> None:
    other = make_image(create_study("Another", actor=audit.SYSTEM, lead=alice), 99)
    clusters.recluster(study, actor=lead)
    assert clusters.recluster(study, actor=lead) == 6
    assert AuditEvent.objects.filter(verb="clusters.found").count() == 1
    other.refresh_from_db()
    assert other.cluster is None


def test_a_cluster_that_lost_its_reason_falls_apart(study: Study, images: list[Image], lead: Actor) -> None:
    link(images[0], images[1])
    clusters.recluster(study, actor=lead)
    ImageLink.objects.all().delete()
    assert clusters.recluster(study, actor=lead) == 6
    assert found(images) == []


def test_the_statements_do_not_grow_with_the_images(study: Study, images: list[Image], lead: Actor) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            clusters.recluster(study, actor=lead)
        return len(seen)

    few = statements()
    for number in range(10, 60):
        make_image(study, number)
    assert statements() == few


def test_a_lead_joins_and_parts_and_the_last_word_counts(study: Study, images: list[Image], lead: Actor) -> None:
    link(images[0], images[1])
    clusters.recluster(study, actor=lead)
    clusters.merge(study, [images[1].pk, images[2].pk], "the same mole", actor=lead)
    assert found(images) == [{0, 1, 2}]
    clusters.split(study, [images[0].pk], "twins", actor=lead)
    assert found(images) == [{1, 2}]
    clusters.recluster(study, actor=lead)
    assert found(images) == [{1, 2}]
    clusters.merge(study, [images[0].pk, images[1].pk], "no twins after all", actor=lead)
    assert found(images) == [{0, 1, 2}]
    decision = ClusterDecision.objects.order_by("pk")[1]
    assert (decision.images, decision.others, decision.by) == ([images[0].pk], [images[1].pk, images[2].pk], lead.user)
    assert AuditEvent.objects.filter(verb="clusters.split", target_id=str(decision.pk)).exists()


def test_when_a_persons_first_picture_leaves_the_others_stay_together(
    study: Study, images: list[Image], lead: Actor
) -> None:
    name("P1", *images[:4])
    clusters.recluster(study, actor=lead)
    clusters.split(study, [images[0].pk], "wrong row in the table", actor=lead)
    assert found(images) == [{1, 2, 3}]


def test_a_decision_leaves_unsearched_pictures_unsearched(study: Study, images: list[Image], lead: Actor) -> None:
    clusters.recluster(study, actor=lead)
    late = make_image(study, 50)
    clusters.merge(study, [images[0].pk, images[1].pk], "same", actor=lead)
    assert clusters.not_searched(study) == 1
    with pytest.raises(ValidationError, match="not searched yet"):
        clusters.merge(study, [images[0].pk, late.pk], "same", actor=lead)


@pytest.mark.parametrize(
    ("chosen", "reason", "words"),
    [
        ([0], "why", "at least two"),
        ([0, 0], "why", "at least two"),
        ([0, 1], "  ", "Say why"),
        ([0, 1], "x" * 201, "Say why"),
        ([0, 99], "why", "not in the study"),
    ],
)
def test_what_is_no_merge_is_refused(
    study: Study, images: list[Image], lead: Actor, chosen: list[int], reason: str, words: str
) -> None:
    clusters.recluster(study, actor=lead)
    ids = [images[at].pk if at < len(images) else -1 for at in chosen]
    with pytest.raises(ValidationError, match=words):
        clusters.merge(study, ids, reason, actor=lead)
    assert not ClusterDecision.objects.exists()


def test_a_split_is_of_one_cluster_and_leaves_something(study: Study, images: list[Image], lead: Actor) -> None:
    link(images[0], images[1])
    clusters.recluster(study, actor=lead)
    with pytest.raises(ValidationError, match="of one cluster"):
        clusters.split(study, [images[0].pk, images[2].pk], "why", actor=lead)
    with pytest.raises(ValidationError, match="Leave at least one"):
        clusters.split(study, [images[0].pk, images[1].pk], "why", actor=lead)


def dealt(study: Study, membership: Membership, *images: Image) -> Fold:
    fold = Fold.objects.create(study=study, number=Fold.objects.count() + 1, membership=membership)
    for image in images:
        FoldItem.objects.create(fold=fold, image=image)
        Assignment.objects.create(membership=membership, image=image, rendition=image.rendition, sort_key=image.pk)
    Study.objects.filter(pk=study.pk).update(state=StudyState.LABELLING)
    return fold


def test_while_raters_label_what_was_dealt_is_neither_joined_nor_parted(
    study: Study, images: list[Image], lead: Actor, bob_rates: Membership, carol_rates: Membership
) -> None:
    link(images[0], images[1])
    link(images[4], images[5])
    clusters.recluster(study, actor=lead)
    dealt(study, bob_rates, images[0], images[1])
    dealt(study, carol_rates, images[2])
    with pytest.raises(ValidationError, match="dealt to raters already"):
        clusters.merge(study, [images[0].pk, images[2].pk], "why", actor=lead)
    with pytest.raises(ValidationError, match="dealt to raters already"):
        clusters.split(study, [images[0].pk], "why", actor=lead)
    clusters.merge(study, [images[0].pk, images[3].pk], "an image that was added", actor=lead)
    clusters.split(study, [images[4].pk], "not dealt yet", actor=lead)
    assert found(images) == [{0, 1, 3}]


def test_links_between_folds_found_later_are_told_and_change_no_fold(
    study: Study, images: list[Image], lead: Actor, bob_rates: Membership, carol_rates: Membership
) -> None:
    clusters.recluster(study, actor=lead)
    dealt(study, bob_rates, images[0], images[1])
    dealt(study, carol_rates, images[2])
    assert between_folds(study) == []
    link(images[0], images[1])
    link(images[1], images[2])
    link(images[2], images[5])
    clusters.recluster(study, actor=lead)
    assert between_folds(study) == [[images[0].pk, images[1].pk, images[2].pk]]
    assert FoldItem.objects.count() == 3


def test_the_list_says_why_pictures_are_together_largest_first(study: Study, images: list[Image], lead: Actor) -> None:
    name("P1", images[0], images[1])
    link(images[0], images[2], LinkKind.PERSON, 0.21)
    link(images[3], images[4], distance=0.012)
    clusters.recluster(study, actor=lead)
    clusters.merge(study, [images[2].pk, images[5].pk], "the same scar", actor=lead)
    page = cluster_list(study)
    assert (page.total, page.images) == (2, 6)
    assert [len(cluster.images) for cluster in page.clusters] == [4, 2]
    assert [(bond.why, bond.distance) for bond in page.clusters[0].bonds] == [
        (Why.NAMED, None),
        (Why.FACE, 0.21),
        (Why.DECIDED, None),
    ]
    assert page.clusters[1].bonds[0].words == "near-duplicates (distance 0.012)"
    assert [cluster.number for cluster in cluster_list(study, offset=1, limit=1).clusters] == [images[3].pk]


def test_a_search_is_queued_once(study: Study, lead: Actor) -> None:
    assert clusters.search(study, actor=lead).kind == "grading.examine_images"
    with pytest.raises(AlreadyActive):
        clusters.search(study, actor=lead)


def test_copies_whose_grades_lie_more_than_a_level_apart_conflict(study: Study, images: list[Image]) -> None:
    raters = add_raters(study, 3)
    link(images[0], images[1])
    link(images[1], images[2])
    link(images[3], images[4])
    link(images[4], images[5], LinkKind.PERSON)
    answer(raters[0], images[0], 2)
    answer(raters[1], images[1], 3)
    answer(raters[1], images[2], 5)
    answer(raters[0], images[3], 2)
    answer(raters[1], images[4], 3)
    answer(raters[2], images[5], 5)
    conflict, *more = conflicting_grades(study)
    assert more == []
    assert conflict.images == tuple(image.pk for image in images[:3])
    assert (conflict.low.image, conflict.low.rater, conflict.low.value) == (images[0], raters[0].code, 2)
    assert (conflict.high.image, conflict.high.rater, conflict.levels) == (images[2], raters[1].code, 3)


def test_raters_who_differ_on_one_picture_are_no_conflict_of_copies(study: Study, images: list[Image]) -> None:
    raters = add_raters(study, 2)
    link(images[0], images[1])
    answer(raters[0], images[0], 1)
    answer(raters[1], images[0], 5)
    assert conflicting_grades(study) == []
    answer(raters[1], images[1], 4)
    assert [(one.low.value, one.high.value) for one in conflicting_grades(study)] == [(1, 4)]


def test_a_corrected_grade_and_a_parted_pair_conflict_no_more(study: Study, images: list[Image], lead: Actor) -> None:
    raters = add_raters(study, 2)
    link(images[0], images[1])
    link(images[2], images[3])
    for at, value in enumerate((1, 5, 1, 5)):
        answer(raters[at % 2], images[at], value)
    assert len(conflicting_grades(study)) == 2
    answer(raters[1], images[1], 2)
    clusters.recluster(study, actor=lead)
    clusters.split(study, [images[2].pk], "two people", actor=lead)
    assert conflicting_grades(study) == []
