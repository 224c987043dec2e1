"""The rules that the database keeps by itself, whatever code writes to it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone

from accounts import audit
from labeler.dealing import SORT_KEY_STEP, write
from labeler.models import (
    Assignment,
    Fold,
    FoldItem,
    GoldenItem,
    Image,
    Label,
    Level,
    Membership,
    Rendition,
    Study,
)
from labeler.planning import Place
from labeler.studies import create_study


def an_image(study: Study, **fields: Any) -> Image:
    return Image.objects.create(study=study, sha256=uuid.uuid4().hex * 2, width=10, height=10, **fields)


def an_assignment(membership: Membership, image: Image, sort_key: int = 0, **fields: Any) -> Assignment:
    return Assignment.objects.create(membership=membership, image=image, sort_key=sort_key, **fields)


def a_label(assignment: Assignment, level: Level | None, **fields: Any) -> Label:
    values = {"version": 1, "client_key": uuid.uuid4(), **fields}
    return Label.objects.create(assignment=assignment, level=level, **values)


def refused(write: Callable[[], object]) -> str:
    """The database's reason for refusing; fails when it did not refuse."""
    with pytest.raises(Error) as error, transaction.atomic():
        write()
    return str(error.value)


def test_an_image_is_golden_or_in_a_fold_never_both(study: Study) -> None:
    fold = Fold.objects.create(study=study, number=1)
    golden, trained = an_image(study), an_image(study)
    GoldenItem.objects.create(study=study, image=golden)
    FoldItem.objects.create(fold=fold, image=trained)
    assert "golden" in refused(lambda: FoldItem.objects.create(fold=fold, image=golden))
    assert "in a fold" in refused(lambda: GoldenItem.objects.create(study=study, image=trained))


def test_a_withdrawn_golden_image_never_becomes_a_training_image(study: Study) -> None:
    image = an_image(study)
    GoldenItem.objects.create(study=study, image=image, withdrawn_at=timezone.now(), reason="wrong person")
    fold = Fold.objects.create(study=study, number=1)
    assert "golden" in refused(lambda: FoldItem.objects.create(fold=fold, image=image))


def test_an_image_is_in_as_many_folds_as_the_overlap_says(study: Study) -> None:
    image = an_image(study)
    folds = [Fold.objects.create(study=study, number=number) for number in (1, 2, 3)]
    FoldItem.objects.create(fold=folds[0], image=image)
    assert "overlap" in refused(lambda: FoldItem.objects.create(fold=folds[1], image=image))
    Study.objects.filter(pk=study.pk).update(overlap=2)
    FoldItem.objects.create(fold=folds[1], image=image)
    assert "overlap" in refused(lambda: FoldItem.objects.create(fold=folds[2], image=image))


def test_nothing_of_one_study_is_tied_to_another(study: Study, bob_rates: Membership) -> None:
    other = create_study("Another", actor=audit.SYSTEM, lead=None)
    elsewhere, here = an_image(other), an_image(study)
    fold = Fold.objects.create(study=study, number=1)
    assignment = an_assignment(bob_rates, here)
    foreign_level = other.levels.first()
    foreign_rendition = Rendition.objects.create(image=elsewhere, width=1, height=1, bytes=1)
    assert "two studies" in refused(lambda: FoldItem.objects.create(fold=fold, image=elsewhere))
    assert "not in study" in refused(lambda: GoldenItem.objects.create(study=study, image=elsewhere))
    assert "no rater" in refused(lambda: an_assignment(bob_rates, elsewhere, 1))
    assert "scale" in refused(lambda: a_label(assignment, foreign_level))
    third = an_image(study)
    assert "is not of image" in refused(lambda: an_assignment(bob_rates, third, 2, rendition=foreign_rendition))


def test_one_wrong_row_among_many_is_found(study: Study, bob_rates: Membership) -> None:
    """The rules are checked once for all rows of a statement: none of them hides another."""
    other = create_study("Another", actor=audit.SYSTEM, lead=None)
    images, elsewhere = [an_image(study) for _ in range(5)], an_image(other)
    fold, second = (Fold.objects.create(study=study, number=number) for number in (1, 2))
    GoldenItem.objects.create(study=study, image=images[0])
    FoldItem.objects.create(fold=fold, image=images[1])

    def folded(*chosen: Image) -> str:
        return refused(lambda: FoldItem.objects.bulk_create(FoldItem(fold=second, image=image) for image in chosen))

    def made_golden(*chosen: Image) -> str:
        rows = [GoldenItem(study=study, image=image) for image in chosen]
        return refused(lambda: GoldenItem.objects.bulk_create(rows))

    assert f"image {images[0].pk} is golden" in folded(*images[2:], images[0])
    assert f"image {images[1].pk} would be in more folds than 1" in folded(*images[2:], images[1])
    assert "two studies" in folded(*images[2:], elsewhere)
    assert f"image {images[1].pk} is in a fold" in made_golden(*images[2:], images[1])
    assert "not in study" in made_golden(*images[2:], elsewhere)
    FoldItem.objects.bulk_create(FoldItem(fold=second, image=image) for image in images[2:])


def test_an_image_twice_in_one_statement_counts_twice(study: Study) -> None:
    image = an_image(study)
    folds = [Fold.objects.create(study=study, number=number) for number in (1, 2)]
    rows = [FoldItem(fold=fold, image=image) for fold in folds]
    assert "overlap" in refused(lambda: FoldItem.objects.bulk_create(rows))
    Study.objects.filter(pk=study.pk).update(overlap=2)
    FoldItem.objects.bulk_create(FoldItem(fold=fold, image=image) for fold in folds)


def test_copy_keeps_the_rules_of_queues(study: Study, bob_rates: Membership) -> None:
    other = create_study("Another", actor=audit.SYSTEM, lead=None)
    images, elsewhere = [an_image(study) for _ in range(3)], an_image(other)
    renditions = {
        image.pk: Rendition.objects.create(image=image, width=1, height=1, bytes=1).pk for image in [*images, elsewhere]
    }
    mine, lead = [Place(image.pk, 0) for image in images], study.memberships.get(role="lead")
    swapped = renditions | {images[2].pk: renditions[images[1].pk]}
    assert "no rater" in refused(lambda: write(bob_rates, [*mine, Place(elsewhere.pk, 0)], renditions, after_key=0))
    assert "no rater" in refused(lambda: write(lead, mine, renditions, after_key=0))
    assert "is not of image" in refused(lambda: write(bob_rates, mine, swapped, after_key=0))
    write(bob_rates, mine, renditions, after_key=7)
    rows = Assignment.objects.filter(membership=bob_rates)
    assert [row.image_id for row in rows] == [image.pk for image in images]
    assert [row.sort_key for row in rows] == [7 + place * SORT_KEY_STEP for place in (1, 2, 3)]
    assert len({row.token for row in rows}) == 3 and all(len(row.token) == 22 for row in rows)


def test_a_change_keeps_the_rules_too(study: Study, bob_rates: Membership) -> None:
    golden, trained, third = (an_image(study) for _ in range(3))
    item = GoldenItem.objects.create(study=study, image=golden)
    row = FoldItem.objects.create(fold=Fold.objects.create(study=study, number=1), image=trained)
    assignment = an_assignment(bob_rates, trained)
    rendition = Rendition.objects.create(image=third, width=1, height=1, bytes=1)
    assert "in a fold" in refused(lambda: GoldenItem.objects.filter(pk=item.pk).update(image=trained))
    assert "golden" in refused(lambda: FoldItem.objects.filter(pk=row.pk).update(image=golden))
    rows = Assignment.objects.filter(pk=assignment.pk)
    assert "is not of image" in refused(lambda: rows.update(rendition=rendition))
    FoldItem.objects.filter(pk=row.pk).update(image=third)


def test_whom_and_what_images_were_dealt_to_stays(study: Study, bob_rates: Membership, carol_rates: Membership) -> None:
    image, other = an_image(study), an_image(study)
    dealt, spare = (Rendition.objects.create(image=of, width=1, height=1, bytes=1) for of in (image, other))
    fold, empty = (Fold.objects.create(study=study, number=number) for number in (1, 2))
    FoldItem.objects.create(fold=fold, image=image)
    an_assignment(bob_rates, image, rendition=dealt)
    unfolded, unassigned = an_image(study), an_image(study)
    an_assignment(bob_rates, unfolded, 1)
    FoldItem.objects.create(fold=fold, image=unassigned)
    for row in (bob_rates, fold, dealt, unfolded, unassigned):
        rows = type(row)._base_manager.filter(pk=row.pk)
        assert "needed by what was dealt" in refused(partial(rows._raw_delete, "default"))
        assert "never changes" in refused(partial(rows.update, id=10**9))
    for row in (carol_rates, empty, spare, other):
        type(row)._base_manager.filter(pk=row.pk)._raw_delete("default")


def test_nothing_is_dealt_to_what_is_not_there(study: Study, bob_rates: Membership) -> None:
    image = an_image(study)
    assert "two studies" in refused(lambda: FoldItem.objects.create(fold_id=10**9, image=image))
    assert "no rater" in refused(lambda: Assignment.objects.create(membership_id=10**9, image=image, sort_key=1))
    assert "is not of image" in refused(lambda: an_assignment(bob_rates, image, 1, rendition_id=10**9))
    nowhere = Image(pk=10**9, study=study)
    assert "two studies" in refused(
        lambda: FoldItem.objects.create(fold=Fold.objects.create(study=study, number=1), image=nowhere)
    )


@pytest.mark.django_db(transaction=True)
def test_what_is_dealt_and_deleted_at_once_waits_and_is_refused(study: Study, bob_rates: Membership) -> None:
    image = an_image(study)

    def delete() -> str:
        try:
            return refused(partial(Membership.objects.filter(pk=bob_rates.pk)._raw_delete, "default"))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            an_assignment(bob_rates, image)
            waiting = pool.submit(delete)
            until(somebody_waits)
        assert "needed by what was dealt" in waiting.result()
    assert Assignment.objects.get().membership == bob_rates


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("golden_first", [True, False])
def test_of_two_who_write_at_once_the_second_waits_and_is_refused(study: Study, golden_first: bool) -> None:
    image, fold = an_image(study), Fold.objects.create(study=study, number=1)

    def make_golden() -> object:
        return GoldenItem.objects.bulk_create([GoldenItem(study=study, image=image)])

    def put_into_fold() -> object:
        return FoldItem.objects.bulk_create([FoldItem(fold=fold, image=image)])

    def alone(write: Callable[[], object]) -> str:
        try:
            return refused(write)
        finally:
            connection.close()

    first, second = (make_golden, put_into_fold) if golden_first else (put_into_fold, make_golden)
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            waiting = pool.submit(alone, second)
            until(somebody_waits)
            assert not waiting.done()
        told = waiting.result()
    assert ("is golden" if golden_first else "is in a fold") in told
    assert GoldenItem.objects.count() + FoldItem.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_fill_one_overlap_at_once_do_not_overfill_it(study: Study) -> None:
    image = an_image(study)
    folds = [Fold.objects.create(study=study, number=number) for number in (1, 2)]
    together = threading.Barrier(2)

    def put(fold: Fold) -> bool:
        try:
            with transaction.atomic():
                together.wait()
                FoldItem.objects.bulk_create([FoldItem(fold=fold, image=image)])
            return True
        except Error:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(put, folds)) == [False, True]
    assert FoldItem.objects.count() == 1


def somebody_waits() -> bool:
    """Whether another connection waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
        return bool(cursor.fetchone()[0])


def until(truth: Callable[[], bool], within: float = 60) -> None:
    end = time.monotonic() + within
    while not truth():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_what_was_sent_to_a_browser_is_never_moved_revoked_or_deleted(study: Study, bob_rates: Membership) -> None:
    sent = an_assignment(bob_rates, an_image(study), released_at=timezone.now())
    rows = Assignment.objects.filter(pk=sent.pk)
    now = timezone.now()
    refused(lambda: rows.update(sort_key=99))
    refused(lambda: rows.update(revoked_at=now, revoke_reason="re-dealt"))
    refused(lambda: rows.update(released_at=None))
    refused(lambda: rows.update(token="another"))
    refused(lambda: rows.delete())
    rows.update(first_shown_at=now, shown_seq=1)
    refused(lambda: rows.update(shown_seq=2))


def test_what_was_not_sent_may_be_moved_and_revoked_with_a_reason(study: Study, bob_rates: Membership) -> None:
    waiting = an_assignment(bob_rates, an_image(study))
    rows = Assignment.objects.filter(pk=waiting.pk)
    rows.update(sort_key=5)
    refused(lambda: rows.update(revoked_at=timezone.now()))
    rows.update(revoked_at=timezone.now(), revoke_reason="the rater fell ill")
    an_assignment(bob_rates, waiting.image, 6)


def test_an_image_goes_to_a_rater_once_per_repeat(study: Study, bob_rates: Membership) -> None:
    image = an_image(study)
    an_assignment(bob_rates, image)
    refused(lambda: an_assignment(bob_rates, image, 1))
    an_assignment(bob_rates, image, 1, repeat=1)
    refused(lambda: an_assignment(bob_rates, an_image(study), 1))


def test_labels_are_evidence(study: Study, bob_rates: Membership) -> None:
    level = study.levels.first()
    label = a_label(an_assignment(bob_rates, an_image(study)), level)
    refused(lambda: Label.objects.filter(pk=label.pk).update(unsure=True))
    refused(lambda: Label.objects.filter(pk=label.pk).delete())
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE labeler_label CASCADE")
    assert Label.objects.filter(pk=label.pk, unsure=False).exists()


def test_a_label_is_a_grade_or_a_flag_and_each_delivery_counts_once(study: Study, bob_rates: Membership) -> None:
    level = study.levels.first()
    assignment = an_assignment(bob_rates, an_image(study))
    refused(lambda: a_label(assignment, None))
    refused(lambda: a_label(assignment, level, flag="blur"))
    refused(lambda: a_label(assignment, None, flag="other"))
    key = uuid.uuid4()
    a_label(assignment, level, client_key=key)
    refused(lambda: a_label(assignment, level, client_key=key, version=2))
    refused(lambda: a_label(assignment, level, version=1))
    a_label(assignment, None, flag="other", comment="a sticker", version=2)


def test_an_erased_image_keeps_its_row_and_nothing_of_the_picture(study: Study) -> None:
    image = an_image(study, perceptual_hash=5, original="originals/x")
    rows = Image.objects.filter(pk=image.pk)
    refused(lambda: rows.update(erased_at=timezone.now(), erased_reason="asked to", sha256=None))
    rows.update(erased_at=timezone.now(), erased_reason="asked to", sha256=None, perceptual_hash=None, original="")


def test_one_content_is_one_image_of_a_study(study: Study) -> None:
    image = an_image(study)
    refused(lambda: Image.objects.create(study=study, sha256=image.sha256, width=1, height=1))
