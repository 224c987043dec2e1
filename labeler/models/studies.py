"""A study, its scale, and the people in it: those who grade, and those who are in the pictures."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


def random_seed() -> int:
    return secrets.randbits(62)


class StudyState(models.TextChoices):
    DRAFT = "draft", _("being set up")
    LABELLING = "labelling", _("labelling")
    PAUSED = "paused", _("paused")
    CLOSED = "closed", _("closed")


class Study(models.Model):
    name = models.CharField(max_length=120, unique=True)
    # Decides folds and orders; shown to nobody before the close.
    seed = models.BigIntegerField(default=random_seed, editable=False)
    state = models.CharField(max_length=10, choices=StudyState.choices, default=StudyState.DRAFT)
    # To how many raters each training image goes.
    overlap = models.PositiveSmallIntegerField(default=1)
    # What share of a rater's images is shown a second time, to measure how well they agree with themselves.
    repeat_share = models.FloatField(default=0)
    # Golden images drawn at random when labelling begins, so that nobody has chosen them; 0 for none.
    golden_draw_size = models.PositiveIntegerField(default=0)
    # The column of the images' table by whose values the draw is stratified.
    golden_draw_column = models.CharField(max_length=120, blank=True)
    # Whether forehead, cheeks and chin are graded too, beside the whole face.
    grade_regions = models.BooleanField(default=False)
    # Whether raters see the scale, and practise where there is something to practise on, before their first image.
    welcome = models.BooleanField(default=False)
    # `labeler.prescreening.Thresholds` as JSON; what is missing has its default.
    prescreen = models.JSONField(default=dict)
    started_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    # Made of drawn faces and simulated raters: every page says so.
    is_synthetic = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "studies"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=StudyState.values), name="study_state_known"),
            models.CheckConstraint(condition=Q(overlap__gte=1), name="study_overlap_positive"),
            models.CheckConstraint(condition=Q(repeat_share__gte=0, repeat_share__lte=0.5), name="study_repeat_share"),
        ]

    def __str__(self) -> str:
        return self.name


class Level(models.Model):
    """One step of a study's ordered scale. A grade's number is `value`; `order` places the button."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="levels")
    order = models.PositiveSmallIntegerField()
    value = models.FloatField()
    name = models.CharField(max_length=60)
    description = models.TextField(blank=True)
    key = models.CharField(max_length=1, blank=True)
    # An example picture's path below the store of files.
    example = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["study", "order"], name="level_order_once"),
            models.UniqueConstraint(fields=["study", "value"], name="level_value_once"),
            models.UniqueConstraint(fields=["study", "name"], name="level_name_once"),
            models.UniqueConstraint(fields=["study", "key"], condition=~Q(key=""), name="level_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.value:g} {self.name}"


class PracticeItem(models.Model):
    """A picture that raters practise on, with the grade it should have: never one of the study's own images."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="practice_items")
    order = models.PositiveSmallIntegerField()
    level = models.ForeignKey(Level, on_delete=models.PROTECT, related_name="practice_items")
    # What the rater is told beside the grade that was meant.
    remark = models.CharField(max_length=500, blank=True)
    # Of the file as it came, which is not kept.
    sha256 = models.CharField(max_length=64)
    # What is shown, below the store of files.
    path = models.CharField(max_length=200)

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(
                fields=["study", "order"], name="practice_order_once", deferrable=models.Deferrable.DEFERRED
            ),
            models.UniqueConstraint(fields=["study", "sha256"], name="practice_picture_once"),
        ]

    def __str__(self) -> str:
        return f"practice item {self.order} of study {self.study_id}"


class Person(models.Model):
    """Somebody in the pictures: all images of one person stay on one side of every split."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="persons")
    external_id = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["study", "external_id"], name="person_once")]

    def __str__(self) -> str:
        return self.external_id


class Role(models.TextChoices):
    RATER = "rater", _("rater")
    LEAD = "lead", _("study lead")


class MembershipState(models.TextChoices):
    INVITED = "invited", "invited"
    ACTIVE = "active", "active"
    WITHDRAWN = "withdrawn", "withdrawn"


class Membership(models.Model):
    """Somebody's place in a study, a row per role. A rater whose grades were made elsewhere has no user."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="memberships"
    )
    # The pseudonym in tables and exports: R01, R02, … for raters, L01, … for leads.
    code = models.CharField(max_length=8)
    # What a rater is called in a file of grades made elsewhere.
    external_name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=5, choices=Role.choices)
    state = models.CharField(max_length=9, choices=MembershipState.choices, default=MembershipState.ACTIVE)
    # Why somebody who has seen the golden set rates nevertheless, and who allowed it. Printed in every report.
    admitted_reason = models.CharField(max_length=300, blank=True)
    admitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.CharField(max_length=200, blank=True)
    # When a rater had read the welcome, and answered its practice items.
    welcomed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["study", "user", "role"], name="membership_role_once"),
            models.UniqueConstraint(fields=["study", "code"], name="membership_code_once"),
            models.UniqueConstraint(
                fields=["study", "external_name"], condition=~Q(external_name=""), name="membership_external_name_once"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
            models.CheckConstraint(condition=Q(state__in=MembershipState.values), name="membership_state_known"),
            models.CheckConstraint(condition=Q(user__isnull=False) | Q(role="rater"), name="membership_lead_has_user"),
        ]

    def __str__(self) -> str:
        return self.code


class Sight(models.TextChoices):
    """How somebody came to know which images are golden."""

    CHOSE = "chose", "chose golden images"
    IMPORTED = "imported", "imported a table that names golden images"
    OPENED = "opened", "opened a page that shows golden images"
    EXPORTED = "exported", "exported a table that shows golden images"


class GoldenSight(models.Model):
    """Append-only: who has seen a study's golden set, and how, first. They can't rate it: see migration 0004."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="golden_sights")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    how = models.CharField(max_length=8, choices=Sight.choices)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "user", "how"], name="golden_sight_once"),
            models.CheckConstraint(condition=Q(how__in=Sight.values), name="golden_sight_known"),
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} {self.how} the golden set of study {self.study_id}"


class Commitment(models.Model):
    """Append-only: the fingerprint of golden set, folds, orders and seed at one moment, published at once.

    The document that it is the SHA-256 of lies in the store, and is shown to nobody before the close.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="commitments")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    # The one before, which the document names too; empty for the first.
    previous = models.CharField(max_length=64, blank=True)
    event = models.CharField(max_length=40)
    path = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["study", "number"], name="commitment_number_once"),
            models.CheckConstraint(
                condition=Q(number=1, previous="") | (Q(number__gt=1) & ~Q(previous="")), name="commitment_chained"
            ),
        ]

    def __str__(self) -> str:
        return f"commitment {self.number} of study {self.study_id}"
