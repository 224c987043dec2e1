"""Which answers become figures."""

from uuid import uuid4

import numpy as np
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from grading.consensus import panel_figures
from grading.grades import load_grades
from grading.tests.panels import FLAG, add_images, add_raters, answer, graded_study
from labeler.conflicts import conflicting_grades
from labeler.looking_back import PARTS, given_to
from labeler.models import Assignment, Flag, GoldenItem, Image, ImageLink, Label, LinkKind, Membership, Study
from labeler.overview import overview
from labeler.progress import progress_of


def test_the_highest_version_counts(study: Study) -> None:
    (rater,), (image,) = add_raters(study, 1), add_images(study, 1)
    answer(rater, image, 2)
    answer(rater, image, 5)
    assert load_grades(study).grades.tolist() == [[5.0]]


def test_a_flag_is_an_answer_and_a_missing_grade(study: Study) -> None:
    (rater,), (image,) = add_raters(study, 1), add_images(study, 1)
    answer(rater, image, 2)
    answer(rater, image, FLAG)
    table = load_grades(study)
    assert np.isnan(table.grades).all() and table.answered.all()


def test_a_repeat_does_not_count(study: Study) -> None:
    (rater,), (image,) = add_raters(study, 1), add_images(study, 1)
    answer(rater, image, 2)
    answer(rater, image, 5, repeat=1)
    assert load_grades(study).grades.tolist() == [[2.0]]


def test_grades_of_a_faces_parts_change_no_figure(study: Study) -> None:
    raters = graded_study(study)
    first, second = Image.objects.filter(study=study).order_by("pk")[:2]
    ImageLink.objects.create(study=study, first=first, second=second, kind=LinkKind.DUPLICATE, distance=0)
    before = _figures(study, raters)
    levels = list(study.levels.order_by("-order"))
    for label in list(Label.objects.all()):
        for at, part in enumerate(PARTS):
            Label.objects.create(
                assignment=label.assignment, region=part, version=1, client_key=uuid4(), level=levels[at]
            )
            Label.objects.create(
                assignment=label.assignment, region=part, version=2, client_key=uuid4(), flag=Flag.UNSEEN
            )
    assert _figures(study, raters) == before


def _figures(study: Study, raters: list[Membership]) -> tuple[object, ...]:
    table = load_grades(study)
    return (
        table.images,
        table.grades.tolist().__repr__(),
        table.answered.tolist(),
        repr(panel_figures(study)),
        overview(study),
        progress_of([one.pk for one in raters]),
        conflicting_grades(study),
        [given_to([one.pk], with_parts=False) for one in Assignment.objects.order_by("pk")],
    )


def test_golden_images_are_there_ungraded_and_go_when_withdrawn(study: Study) -> None:
    (rater,) = add_raters(study, 1)
    first, second = add_images(study, 2, golden=2)
    answer(rater, first, 3)
    assert load_grades(study).golden == {first.pk, second.pk}
    GoldenItem.objects.filter(image=first).update(withdrawn_at=timezone.now(), reason="blurred")
    assert load_grades(study).images == (second.pk,)


def test_a_rejected_image_does_not_count_unless_the_lead_overrides_it(study: Study) -> None:
    (rater,), (image,) = add_raters(study, 1), add_images(study, 1)
    answer(rater, image, 3)
    image.rejected_reason = "too dark"
    image.save()
    assert load_grades(study).images == ()
    image.rejection_overridden_at = timezone.now()
    image.save()
    assert load_grades(study).images == (image.pk,)


def test_it_takes_three_queries_whatever_the_size(
    study: Study, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    graded_study(study, raters=2, golden=2, training=2)
    with django_assert_num_queries(3):
        load_grades(study)
    graded_study(study, raters=4, golden=5, training=20)
    with django_assert_num_queries(3):
        load_grades(study)
