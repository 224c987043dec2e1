"""A study's pictures. An image knows neither golden nor fold: see `assignments`."""

from __future__ import annotations

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
    rejected_reason = models.CharField(max_length=200, blank=True)
    rejection_overridden_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    erased_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
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
