"""The next images, and looking back."""

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from labeler import answering, labelling, looking_back
from labeler.labelling import NotOpen
from labeler.models import Assignment, Flag, Label, LabelSource, Membership, MembershipState, Queue, Study, StudyState
from labeler.tests.factories import deal, grade, make_image, start


def test_a_window_holds_the_next_images_in_the_raters_order(bob_rates: Membership) -> None:
    dealt = start(bob_rates, 7)
    window = labelling.window(bob_rates, 5)
    assert window.tokens == tuple(item.token for item in dealt[:5])
    assert (window.answered, window.total) == (0, 7)


def test_a_window_marks_what_it_sends_as_released_and_nothing_else(bob_rates: Membership) -> None:
    dealt = start(bob_rates, 4)
    before = timezone.now()
    labelling.window(bob_rates, 3)
    released = dict(Assignment.objects.values_list("pk", "released_at"))
    first_three = [released[item.pk] for item in dealt[:3]]
    assert all(moment is not None and moment >= before for moment in first_three)
    assert released[dealt[3].pk] is None
    labelling.window(bob_rates, 3)
    assert dict(Assignment.objects.values_list("pk", "released_at")) == released


def test_answered_images_leave_the_window_and_count(bob_rates: Membership) -> None:
    dealt = start(bob_rates, 4)
    labelling.window(bob_rates, 3)
    answering.answer(bob_rates, grade(dealt[1].token))
    window = labelling.window(bob_rates, 5)
    assert window.tokens == (dealt[0].token, dealt[2].token, dealt[3].token)
    assert (window.answered, window.total) == (1, 4)
    assert labelling.window(bob_rates, 2).answered == 1


def test_an_image_graded_elsewhere_than_on_the_page_is_answered_too(bob_rates: Membership) -> None:
    dealt = start(bob_rates, 2)
    level = bob_rates.study.levels.get(value=2)
    Label.objects.create(
        assignment=dealt[0],
        version=1,
        client_key="3f0f4c4e-8a58-4c67-9d33-0d2f1b2f6a10",
        level=level,
        source=LabelSource.SIMULATION,
    )
    window = labelling.window(bob_rates, 5)
    assert window.tokens == (dealt[1].token,)
    assert (window.answered, window.total) == (1, 2)


def test_nobody_is_sent_another_raters_images(bob_rates: Membership, carol_rates: Membership) -> None:
    start(bob_rates, 3)
    assert labelling.window(carol_rates, 5).tokens == ()


def test_revoked_images_are_neither_sent_nor_counted(bob_rates: Membership) -> None:
    dealt = start(bob_rates, 3)
    Assignment.objects.filter(pk=dealt[0].pk).update(revoked_at=timezone.now(), revoke_reason="image withdrawn")
    window = labelling.window(bob_rates, 5)
    assert (window.tokens, window.total) == ((dealt[1].token, dealt[2].token), 2)


def test_the_length_of_a_queue_follows_whatever_is_dealt_revoked_or_taken_out(
    bob_rates: Membership, carol_rates: Membership
) -> None:
    dealt = start(bob_rates, 5)
    deal(carol_rates, [item.image for item in dealt])

    def lengths() -> list[int]:
        return [Queue.objects.get(membership=member).total for member in (bob_rates, carol_rates)]

    assert lengths() == [5, 5]
    mine = Assignment.objects.filter(membership=bob_rates).order_by("sort_key")
    labelling.window(bob_rates, 1)
    mine.filter(released_at__isnull=True).update(revoked_at=timezone.now(), revoke_reason="dealt to others")
    assert lengths() == [1, 5]
    Assignment.objects.create(
        membership=bob_rates, image=dealt[4].image, rendition=dealt[4].rendition, repeat=1, sort_key=99_000
    )
    # Both at once, and some that count beside some that don't.
    Assignment.objects.filter(image__in=[item.image_id for item in dealt[3:]], released_at__isnull=True).delete()
    assert lengths() == [1, 3]
    assert labelling.window(bob_rates, 5).total == 1


def test_what_was_graded_elsewhere_lengthens_no_queue(bob_rates: Membership) -> None:
    images = [make_image(bob_rates.study, number) for number in (1, 2)]
    for place, image in enumerate(images):
        Assignment.objects.create(membership=bob_rates, image=image, rendition=None, sort_key=place)
    Study.objects.filter(pk=bob_rates.study_id).update(state=StudyState.LABELLING)
    window = labelling.window(bob_rates, 5)
    assert (window.answered, window.total) == (0, 0)


def test_a_picture_shown_again_is_an_item_of_its_own(bob_rates: Membership) -> None:
    (first,) = start(bob_rates, 1)
    again = Assignment.objects.create(
        membership=bob_rates, image=first.image, rendition=first.rendition, repeat=1, sort_key=9_000
    )
    window = labelling.window(bob_rates, 5)
    assert (window.tokens, window.total) == ((first.token, again.token), 2)
    answering.answer(bob_rates, grade(first.token, 2))
    assert labelling.window(bob_rates, 5).tokens == (again.token,)
    answering.answer(bob_rates, grade(again.token, 5))
    back = looking_back.previous(bob_rates, before=None, size=5)
    assert [(item.token, item.number, item.given.level_value, item.given.version) for item in back] == [
        (again.token, 2, 5, 1),
        (first.token, 1, 2, 1),
    ]


@pytest.mark.parametrize(
    ("state", "code"),
    [(StudyState.DRAFT, "not_started"), (StudyState.PAUSED, "paused"), (StudyState.CLOSED, "closed")],
)
def test_no_window_unless_the_study_labels(bob_rates: Membership, state: StudyState, code: str) -> None:
    deal(bob_rates, [make_image(bob_rates.study, 1)])
    Study.objects.filter(pk=bob_rates.study_id).update(state=state)
    with pytest.raises(NotOpen) as refused:
        labelling.window(bob_rates, 5)
    assert refused.value.refusal.code == code
    assert not Assignment.objects.filter(released_at__isnull=False).exists()


def test_no_window_for_somebody_who_withdrew(bob_rates: Membership) -> None:
    start(bob_rates, 1)
    Membership.objects.filter(pk=bob_rates.pk).update(state=MembershipState.WITHDRAWN)
    with pytest.raises(NotOpen, match="no longer"):
        labelling.window(bob_rates, 5)


def test_looking_back_goes_through_the_images_as_they_were_shown(bob_rates: Membership) -> None:
    dealt = start(bob_rates, 4)
    labelling.window(bob_rates, 4)
    for place, value in ((0, 1), (2, 5), (1, 2)):
        answering.answer(bob_rates, grade(dealt[place].token, value))
    answering.answer(bob_rates, grade(dealt[2].token, 4, base_version=1))
    back = looking_back.previous(bob_rates, before=None, size=5)
    assert [item.token for item in back] == [dealt[1].token, dealt[2].token, dealt[0].token]
    assert [item.number for item in back] == [3, 2, 1]
    assert [item.given.level_value for item in back] == [2, 4, 1]
    assert [item.given.version for item in back] == [1, 2, 1]
    further = looking_back.previous(bob_rates, before=dealt[2].token, size=5)
    assert [item.token for item in further] == [dealt[0].token]


def test_looking_back_shows_a_flag_with_its_words(bob_rates: Membership) -> None:
    dealt = start(bob_rates, 1)
    labelling.window(bob_rates, 1)
    flagged = answering.Answer(dealt[0].token, grade("").client_key, flag=Flag.OTHER, comment=" a doll ", unsure=True)
    answering.answer(bob_rates, flagged)
    (item,) = looking_back.previous(bob_rates, before=None, size=1)
    assert (item.given.level_value, item.given.flag, item.given.comment) == (None, "other", "a doll")


def test_the_flags_offered_are_those_of_the_database_that_are_about_a_whole_image_that_is_seen() -> None:
    offered = [code for code, _ in labelling.reasons()]
    assert [*offered, Flag.MISSING, Flag.UNSEEN] == [flag.value for flag in Flag if flag]


def test_looking_back_costs_two_queries(
    bob_rates: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    dealt = start(bob_rates, 6)
    labelling.window(bob_rates, 6)
    answering.answer_all(bob_rates, [grade(item.token) for item in dealt])
    with django_assert_num_queries(2):
        assert len(looking_back.previous(bob_rates, before=None, size=6)) == 6
