"""A study's pictures. An image knows neither golden nor fold: see `assignments`."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from labeler.models.studies import Person, Study


class Image(models.Model):
    """One picture by its content. Erasing it keeps the row and empties everything that was the picture."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="images")
    # Null only when erased.
    sha256 = models.CharField(max_length=64, null=True)
    # 64 bits, signed as PostgreSQL stores them.
    perceptual_hash = models.BigIntegerField(null=True)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    # `mlcore.quality.Quality` as JSON.
    quality = models.JSONField(default=dict)
    # The original's path below the store of files.
    original = models.CharField(max_length=200, blank=True)
    person = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="images")
    # The cluster of near-duplicates and pictures of one person: the smallest id in it. Null until it was looked for.
    cluster = models.BigIntegerField(null=True)
    # `labeler.prescreening.Rule` that the picture failed, and its words.
    rejected_code = models.CharField(max_length=16, blank=True)
    rejected_reason = models.CharField(max_length=200, blank=True)
    rejection_overridden_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    erased_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["study", "cluster"], name="image_cluster")]
        constraints = [
            models.UniqueConstraint(fields=["study", "sha256"], name="image_content_once"),
            models.CheckConstraint(
                condition=Q(erased_at__isnull=True, sha256__isnull=False)
                | (
                    Q(erased_at__isnull=False, sha256__isnull=True, perceptual_hash__isnull=True, original="")
                    & ~Q(erased_reason="")
                ),
                name="image_erased_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"image {self.pk}"


def usable_images(prefix: str = "") -> Q:
    """The condition that an image is there to be looked at; `prefix` leads to it, such as "image__"."""
    return Q(**{f"{prefix}erased_at__isnull": True}) & (
        Q(**{f"{prefix}rejected_reason": ""}) | Q(**{f"{prefix}rejection_overridden_at__isnull": False})
    )


class ImageName(models.Model):
    """A name under which an image came, with the further columns of that file's row. `repeat` counts the names.

    Grades that name the second file of one content are that rater's repeat 1 of the image.
    """

    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="names")
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="image_names")
    name = models.CharField(max_length=255)
    repeat = models.PositiveSmallIntegerField(default=0)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["study", "name"], name="image_name_once"),
            models.UniqueConstraint(fields=["image", "repeat"], name="image_name_repeat_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Rendition(models.Model):
    """What raters are served: re-encoded the same way for every image, without metadata."""

    image = models.OneToOneField(Image, on_delete=models.PROTECT, related_name="rendition")
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField()
    path = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"rendition of image {self.image_id}"


class Examination(models.Model):
    """What a look at a picture's face and texture found; goes with the picture when that is erased."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="examination")
    # How many faces were found, and the largest one's height as a share of the picture's.
    faces = models.PositiveSmallIntegerField()
    face_share = models.FloatField(null=True)
    # 128 little-endian float32 of the largest face; null without one.
    embedding = models.BinaryField(null=True)
    # What the search for near-duplicates compares; `examiner` says by which method it was made.
    descriptor = models.BinaryField(null=True)
    examiner = models.CharField(max_length=40)
    examined_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"examination of image {self.image_id}"


class LinkKind(models.TextChoices):
    DUPLICATE = "duplicate", "near-duplicate"
    PERSON = "person", "same person"


class ImageLink(models.Model):
    """Two pictures that were found to belong together; found anew by each search."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="image_links")
    first = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=9, choices=LinkKind.choices)
    # How far apart they are by the measure of that kind; 0 is the same.
    distance = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second", "kind"], name="image_link_once"),
            models.CheckConstraint(condition=Q(first__lt=models.F("second")), name="image_link_in_order"),
        ]

    def __str__(self) -> str:
        return f"images {self.first_id} and {self.second_id}: {self.kind}"


class DecisionKind(models.TextChoices):
    MERGE = "merge", "belong together"
    SPLIT = "split", "do not belong to the others"


class ClusterDecision(models.Model):
    """Append-only: a lead's word on a cluster. Later ones count over earlier ones, and all over what was found.

    merge: `images` belong together. split: none of `images` belongs together with any of `others`.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="cluster_decisions")
    kind = models.CharField(max_length=5, choices=DecisionKind.choices)
    images = models.JSONField()
    others = models.JSONField(default=list)
    reason = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=DecisionKind.values), name="cluster_decision_known")]

    def __str__(self) -> str:
        return f"cluster decision {self.pk}: {self.kind}"
