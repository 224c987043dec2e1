"""The grades: append-only evidence. The highest version of an assignment counts, with the regions it has."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeler.models.assignments import Assignment
from labeler.models.studies import Level


class Region(models.TextChoices):
    FACE = "face", _("whole face")
    FOREHEAD = "forehead", _("forehead")
    CHEEKS = "cheeks", _("cheeks")
    CHIN = "chin", _("chin")


class Flag(models.TextChoices):
    """Why an image can't be graded. A flag is an answer, and a missing grade in every figure."""

    NONE = "", _("graded")
    BLUR = "blur", _("too blurred")
    DARK = "dark", _("too dark or too bright")
    NO_FACE = "no_face", _("no face, or too little of it")
    NOT_ACNE = "not_acne", _("another skin condition")
    OTHER = "other", _("another reason")
    # Its file is lost, so that nobody can see it: the rater goes on without it.
    MISSING = "missing", _("the image can’t be shown")
    # Of one region of the face, in studies that grade those: it is not in the picture, or covered.
    UNSEEN = "unseen", _("region not seen")


class LabelSource(models.TextChoices):
    WEB = "web", "labelling page"
    IMPORT = "import", "imported file"
    SIMULATION = "simulation", "simulated rater"


class Label(models.Model):
    """One answer. It is its own audit record: who (by the assignment), what, when by both clocks, how fast."""

    assignment = models.ForeignKey(Assignment, on_delete=models.PROTECT, related_name="labels")
    region = models.CharField(max_length=8, choices=Region.choices, default=Region.FACE)
    # Given by the server: 1, 2, …
    version = models.PositiveIntegerField()
    # Made where the answer was given, so that delivering it twice writes it once.
    client_key = models.UUIDField(unique=True)
    level = models.ForeignKey(Level, null=True, on_delete=models.PROTECT, related_name="labels")
    flag = models.CharField(max_length=8, choices=Flag.choices, default=Flag.NONE, blank=True)
    unsure = models.BooleanField(default=False)
    comment = models.TextField(blank=True)
    # The page that gave it did not know of the version before: a second window or device that lagged behind.
    stale = models.BooleanField(default=False)
    viewing = models.JSONField(default=dict)
    client_time = models.DateTimeField(null=True)
    server_time = models.DateTimeField(auto_now_add=True)
    # From the picture painted to the answer given, by the browser's clock.
    decide_ms = models.PositiveIntegerField(null=True)
    source = models.CharField(max_length=10, choices=LabelSource.choices, default=LabelSource.WEB)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["assignment", "region", "version"], name="label_version_once"),
            models.CheckConstraint(
                condition=(Q(level__isnull=False) & Q(flag="")) | (Q(level__isnull=True) & ~Q(flag="")),
                name="label_grade_or_flag",
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="label_version_from_one"),
            models.CheckConstraint(condition=Q(region__in=Region.values), name="label_region_known"),
            models.CheckConstraint(condition=Q(flag__in=Flag.values), name="label_flag_known"),
            models.CheckConstraint(condition=Q(source__in=LabelSource.values), name="label_source_known"),
            models.CheckConstraint(condition=~Q(flag="unseen") | ~Q(region="face"), name="label_face_is_seen"),
            models.CheckConstraint(condition=~Q(flag="other") | ~Q(comment=""), name="label_other_flag_says_why"),
        ]

    def __str__(self) -> str:
        return f"label {self.pk}"
