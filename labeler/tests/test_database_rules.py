"""The rules that the database keeps by itself, whatever code writes to it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone

from accounts import audit
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
