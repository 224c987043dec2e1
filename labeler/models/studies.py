"""A study, its scale, and the people in it: those who grade, and those who are in the pictures."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.db.models import Q


def random_seed() -> int:
    return secrets.randbits(62)


class StudyState(models.TextChoices):
    DRAFT = "draft", "being set up"
    LABELLING = "labelling", "labelling"
    PAUSED = "paused", "paused"
    CLOSED = "closed", "closed"


class Study(models.Model):
    name = models.CharField(max_length=120, unique=True)
    # Decides folds and orders; shown to nobody before the close.
    seed = models.BigIntegerField(default=random_seed, editable=False)
    state = models.CharField(max_length=10, choices=StudyState.choices, default=StudyState.DRAFT)
    # To how many raters each training image goes.
    overlap = models.PositiveSmallIntegerField(default=1)
    # Made of drawn faces and simulated raters: every page says so.
    is_synthetic = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "studies"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=StudyState.values), name="study_state_known"),
            models.CheckConstraint(condition=Q(overlap__gte=1), name="study_overlap_positive"),
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


class Person(models.Model):
    """Somebody in the pictures: all images of one person stay on one side of every split."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="persons")
    external_id = models.CharField(max_length=120)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["study", "external_id"], name="person_once")]

    def __str__(self) -> str:
        return self.external_id


class Role(models.TextChoices):
    RATER = "rater", "rater"
    LEAD = "lead", "study lead"


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
