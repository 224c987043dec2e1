"""Which image goes to whom, and when. Triggers hold what spans rows: see migration 0002."""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import Q

from labeler.models.images import Image, Rendition
from labeler.models.studies import Membership, Study


class GoldenItem(models.Model):
    """An image that everybody grades. The rater's request path never reads this table."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="golden_items")
    image = models.OneToOneField(Image, on_delete=models.PROTECT, related_name="golden_item")
    added_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | ~Q(reason=""), name="golden_withdrawn_with_reason"
            )
        ]

    def __str__(self) -> str:
        return f"golden item {self.pk}"


class Fold(models.Model):
    """One rater's share of the training images."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="folds")
    number = models.PositiveSmallIntegerField()
    membership = models.ForeignKey(Membership, null=True, on_delete=models.PROTECT, related_name="folds")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["study", "number"], name="fold_number_once")]

    def __str__(self) -> str:
        return f"fold {self.number}"


class FoldItem(models.Model):
    # Triggers find fold and image, and keep them there, for all rows at once: see migration 0005. A look-up for each
    # row, and an index that the constraint below covers, would only slow a large dealing.
    fold = models.ForeignKey(Fold, on_delete=models.PROTECT, related_name="items", db_index=False, db_constraint=False)
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="fold_items", db_constraint=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["fold", "image"], name="fold_item_once")]

    def __str__(self) -> str:
        return f"image {self.image_id} in fold {self.fold_id}"


def random_token() -> str:
    return secrets.token_urlsafe(16)


class Assignment(models.Model):
    """One image that one rater is to grade, once per repeat. All that a browser learns of it is `token`."""

    # The unique constraints below begin with the membership: an index of its own would only slow a large dealing. So
    # would a look-up for each row: triggers find rater, image and rendition, and keep them there, as they do folds.
    membership = models.ForeignKey(
        Membership, on_delete=models.PROTECT, related_name="assignments", db_index=False, db_constraint=False
    )
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="assignments", db_constraint=False)
    # Null only where grades came from elsewhere: nothing was shown.
    rendition = models.ForeignKey(
        Rendition, null=True, on_delete=models.PROTECT, related_name="assignments", db_index=False, db_constraint=False
    )
    repeat = models.PositiveSmallIntegerField(default=0)
    token = models.CharField(max_length=32, default=random_token)
    # Sparse, so that later rows can be placed between.
    sort_key = models.BigIntegerField()
    # When it first left for the browser in a window of next items; from then on it keeps its place.
    released_at = models.DateTimeField(null=True)
    first_shown_at = models.DateTimeField(null=True)
    shown_seq = models.PositiveIntegerField(null=True)
    revoked_at = models.DateTimeField(null=True)
    revoke_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["sort_key"]
        # A rater's next images, found as fast at the end of a large study as at its beginning.
        indexes = [
            models.Index(
                fields=["membership", "sort_key"],
                condition=Q(shown_seq__isnull=True, revoked_at__isnull=True),
                name="assignment_next",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["membership", "image", "repeat"],
                condition=Q(revoked_at__isnull=True),
                name="assignment_once",
            ),
            # A constraint, as `unique=True` would add a second index for searches by the token's beginning.
            models.UniqueConstraint(fields=["token"], name="assignment_token_once"),
            models.UniqueConstraint(fields=["membership", "sort_key"], name="assignment_sort_key_once"),
            models.UniqueConstraint(
                fields=["membership", "shown_seq"],
                condition=Q(shown_seq__isnull=False),
                name="assignment_shown_seq_once",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at__isnull=True) | (Q(released_at__isnull=True) & ~Q(revoke_reason="")),
                name="assignment_released_never_revoked",
            ),
            models.CheckConstraint(
                condition=Q(first_shown_at__isnull=True) | Q(released_at__isnull=False),
                name="assignment_shown_was_released",
            ),
        ]

    def __str__(self) -> str:
        return f"assignment {self.pk}"


class Queue(models.Model):
    """How many images a rater was given, so that no request has to count them. Triggers keep it: migration 0006."""

    membership = models.OneToOneField(Membership, primary_key=True, on_delete=models.CASCADE, related_name="queue")
    # Assignments that are shown and not revoked.
    total = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.total} images of membership {self.membership_id}"
